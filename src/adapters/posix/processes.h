// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Processes with fork and exec, watched through a pidfd each. A child gets SIGKILL when its
// parent dies (PR_SET_PDEATHSIG), so that kill -9 of startz leaves no orphan behind.

#include <map>
#include <memory>

#include "adapters/loop/loop.h"
#include "adapters/posix/cgroup.h"
#include "ports/processes.h"

namespace adapters::posix {

class PosixProcesses final : public ports::Processes {
 public:
  explicit PosixProcesses(loop::Loop& loop);
  // Kills what still runs.
  ~PosixProcesses() override;

  stdx::Result<ports::ProcessId> spawn(const ports::ProcessSpec& spec,
                                       std::function<void(ports::ProcessExit)> on_exit) override;
  void terminate(ports::ProcessId id) override;
  void kill(ports::ProcessId id) override;

 private:
  struct Child;
  void signal(ports::ProcessId id, int number);

  loop::Loop& loop_;
  OomWatch oom_;
  std::map<ports::ProcessId, std::shared_ptr<Child>> children_;
};

}  // namespace adapters::posix
