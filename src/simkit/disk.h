// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the disk of a machine does to the stores of the simulator that stand on it, one for all
// processes of a zhost. It outlives them.

#include <chrono>

#include "simkit/process.h"

namespace simkit {

class DiskState {
 public:
  enum class Mode {
    good,
    full,     // takes nothing more; what is there can be read
    failing,  // a write may be there or not, and nobody is told which; a read gives an error
    stalled,  // answers nothing until it is another mode
  };
  Mode mode = Mode::good;

  bool takes_writes() const { return mode != Mode::full; }
  bool fails() const { return mode == Mode::failing; }

  // Runs `task` in `process` after `delay`, or once the disk is not stalled any more. Dropped with
  // the process.
  void run(Process& process, stdx::Duration delay, ports::Task task) const {
    if (delay == stdx::Duration::zero() && mode != Mode::stalled)
      return process.post(std::move(task));
    process.after(delay, [this, &process, task = std::move(task)]() mutable {
      if (mode != Mode::stalled) return task();
      run(process, look_again, std::move(task));
    });
  }

 private:
  static constexpr stdx::Duration look_again = std::chrono::milliseconds(20);
};

}  // namespace simkit
