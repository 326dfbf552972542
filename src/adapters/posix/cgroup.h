// SPDX-License-Identifier: Apache-2.0
#pragma once

// The bound on memory that the cgroups of this process set (v2, v1, and both mounted together): in
// a container, or under a service manager, that and not the machine's memory is what there is.

#include <cstdint>
#include <optional>
#include <string>

namespace adapters::posix {

struct MemoryLimit {
  std::uint64_t bytes = 0;      // the tightest bound of the cgroup and those above it
  std::uint64_t used = 0;       // in that cgroup, without cached files that can be dropped
  std::uint64_t oom_kills = 0;  // processes that the kernel ended there for want of memory
};

// None where nothing bounds it. Reads small files of the kernel; `root` and `self` are for tests.
std::optional<MemoryLimit> memory_limit(const std::string& root = "/sys/fs/cgroup",
                                        const std::string& self = "/proc/self/cgroup");

// Memory that this zhost has: of the machine, or the bound where that is smaller.
std::uint64_t memory_total_bytes();

// Notices that the kernel ended processes for want of memory, in the cgroup or on the machine.
class OomWatch {
 public:
  OomWatch() : seen_(count()) {}
  // Since the last call: why, in words for a person ("out of memory: limit 512 MiB"), or nothing.
  std::optional<std::string> look();

 private:
  static std::uint64_t count();
  std::uint64_t seen_;
};

}  // namespace adapters::posix
