// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Log as one JSON line per event: {"ts","level","service","zhost","event",…}. To stderr, or
// to a file that is rotated at 16 MiB (4 kept). Whatever a value holds, the line stays one line of
// valid JSON.

#include <memory>
#include <string>

#include "ports/clock.h"
#include "ports/log.h"

namespace adapters::log {

class JsonLog final : public ports::Log {
 public:
  struct Options {
    std::string service, zhost;
    std::string file;  // empty: stderr
    ports::Level level = ports::Level::info;
  };
  JsonLog(const ports::Clock& clock, Options options);
  ~JsonLog() override;
  void write(ports::Level level, std::string_view event, ports::Fields fields) override;

 private:
  struct Sink;
  const ports::Clock& clock_;
  Options options_;
  std::unique_ptr<Sink> sink_;
};

// The line without its end, for tests and for what writes elsewhere.
std::string json_line(const std::string& service, const std::string& zhost, std::int64_t unix_ms,
                      ports::Level level, std::string_view event, ports::Fields fields);

}  // namespace adapters::log
