// SPDX-License-Identifier: Apache-2.0
#pragma once

// Ctrl-C (SIGINT) as a question to ask, for as long as this object lives; a second Ctrl-C ends the
// process as usual (exit code 130), so that nobody is caught in a command that does not ask. One at
// a time; the thread that owns the process's signals.

#include <csignal>

namespace adapters::posix {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  static bool came();

 private:
  struct sigaction before_;
};

}  // namespace adapters::posix
