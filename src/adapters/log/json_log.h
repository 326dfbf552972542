// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Log as one JSON line per event: {"ts","level","service","zhost","event",…}. To stderr, or
// to a file that is rotated; written by a thread of its own (line_writer.h), so that `write` never
// waits. Whatever a value holds, the line stays one line of valid JSON.

#include <string>

#include "adapters/log/line_writer.h"
#include "ports/clock.h"
#include "ports/log.h"
#include "ports/metrics.h"

namespace adapters::log {

class JsonLog final : public ports::Log {
 public:
  struct Options {
    std::string service, zhost;
    std::string file;  // empty: stderr
    ports::Level level = ports::Level::info;
    int descriptor = 2;                 // where `file` is empty
    ports::Counter* dropped = nullptr;  // lines that were not written; outlives the log
  };
  JsonLog(const ports::Clock& clock, Options options);
  void write(ports::Level level, std::string_view event, ports::Fields fields) override;
  // Before a process ends itself: waits for what was queued, at most so long.
  void flush(stdx::Duration at_most = LineWriter::last_words) { writer_.flush(at_most); }

 private:
  std::string line(ports::Level level, std::string_view event, ports::Fields fields) const;

  const ports::Clock& clock_;
  Options options_;
  LineWriter writer_;  // last: its thread makes lines
};

// The line without its end, for tests and for what writes elsewhere.
std::string json_line(const std::string& service, const std::string& zhost, std::int64_t unix_ms,
                      ports::Level level, std::string_view event, ports::Fields fields);

}  // namespace adapters::log
