// SPDX-License-Identifier: Apache-2.0
#pragma once

// Child processes of startz. A child ends with its parent, however the parent ends.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "stdx/result.h"

namespace ports {

enum class ProcessId : std::uint64_t { none = 0 };

struct ProcessSpec {
  std::string name;  // "zrun"
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;  // added to the parent's
};

struct ProcessExit {
  int code = 0;       // exit code, or
  int signal = 0;     // the signal that ended it; 0 for a plain exit
  std::string cause;  // where it is known better, for a person: "out of memory: limit 512 MiB"
};

class Processes {
 public:
  virtual ~Processes() = default;
  // `on_exit` is called once, on the loop, when the child has ended.
  virtual stdx::Result<ProcessId> spawn(const ProcessSpec& spec,
                                        std::function<void(ProcessExit)> on_exit) = 0;
  virtual void terminate(ProcessId id) = 0;  // SIGTERM
  virtual void kill(ProcessId id) = 0;       // SIGKILL
};

}  // namespace ports
