// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a space says: its last lines in memory, all of them on the disk (ports::SpaceLogs) and in
// the log of zrun. Standard output and error are cut into lines. More than
// limits.log_bytes_per_second of one second is dropped and counted.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"
#include "model/topology.h"
#include "ports/runtime.h"
#include "ports/space_logs.h"
#include "zrun/line_buffer.h"
#include "zrun/scheduler.h"

namespace zrun {

class SpaceLog {
 public:
  static constexpr std::size_t lines_kept = 200;
  static constexpr std::size_t bytes_kept = 64u << 10;

  struct Parts {
    ports::Runtime& runtime;
    Scheduler& scheduler;
    ports::SpaceLogs* disk = nullptr;  // null: nothing outlives this process
  };
  // All outlive it. `may_log`: the guest has the capability sys.log.
  SpaceLog(Parts parts, const model::InstanceId& id, const model::Space& spec, bool may_log)
      : parts_(parts), id_(id), spec_(spec), may_log_(may_log) {}

  // `level`: 0 debug to 3 error; others are taken for the nearest. Several lines of one call (a
  // guest's, the backtrace of a trap) stay lines.
  void write(std::int32_t level, std::string_view text);
  // Standard output or error: an unfinished line goes to the log when it ends or the instance does.
  // Gives how much it took, and lowers `lines` by the lines that it made; without the capability it
  // takes everything and drops it.
  enum class Printed { out, error };
  std::size_t print(Printed where, std::string_view text, std::size_t& lines);
  void print_unfinished();

  bool may_log() const { return may_log_; }
  // Of the lines that come: how often the instance was started again.
  void set_restarts(std::uint64_t restarts) { restarts_ = restarts; }
  const std::deque<ports::LogLine>& lines() const { return lines_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  void add_line(std::int32_t level, std::string_view text);

  Parts parts_;
  const model::InstanceId& id_;
  const model::Space& spec_;
  bool may_log_;
  LineBuffer printed_[2];
  std::deque<ports::LogLine> lines_;
  std::uint64_t seq_ = 0, restarts_ = 0;
  stdx::Instant second_{};
  std::size_t kept_bytes_ = 0;
  std::uint64_t second_bytes_ = 0, dropped_ = 0;
};

}  // namespace zrun
