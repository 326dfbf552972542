// SPDX-License-Identifier: Apache-2.0
#pragma once

// What spaces said last, kept on this zhost's disk so that it outlives their instances and zrun. A
// help for people: bounded for each space, never in the way of a space, and not fsync'd. The lines
// of a life end with those that were taken before the process died.

#include <cstdint>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "model/ids.h"
#include "stdx/result.h"
#include "stdx/time.h"

namespace ports {

struct LogLine {
  std::int32_t level = 1;  // as ports::Level
  stdx::WallTime at{};
  std::uint64_t epoch = 0;
  std::uint32_t run = 0;
  std::uint64_t restarts = 0;  // in place, within the run
  std::uint64_t seq = 0;       // grows within the run
  std::string text;            // one line
  std::string mex_version;     // of the MEX that the instance was of; empty: not known

  auto life() const { return std::tuple(epoch, run, restarts); }
  auto place() const { return std::tuple(epoch, run, seq); }
  bool operator==(const LogLine&) const = default;
};

class SpaceLogs {
 public:
  using Lines = std::function<void(stdx::Result<std::vector<LogLine>>)>;

  virtual ~SpaceLogs() = default;
  // Never waits. A line for which there is no room, in the queue or on the disk, is counted and
  // lost.
  virtual void append(const model::SpaceKey& key, LogLine line) = 0;
  // What is kept, oldest first; nothing is kept of a space that never said anything.
  virtual void read(const model::SpaceKey& key, Lines done) = 0;
  // The space is deleted.
  virtual void remove(const model::SpaceKey& key) = 0;
};

}  // namespace ports
