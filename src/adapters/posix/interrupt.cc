// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/interrupt.h"

#include <unistd.h>

namespace adapters::posix {
namespace {

volatile std::sig_atomic_t interrupts = 0;

extern "C" void on_interrupt(int) {
  if (interrupts != 0) ::_exit(130);
  interrupts = 1;
}

}  // namespace

Interrupt::Interrupt() {
  interrupts = 0;
  struct sigaction action{};
  action.sa_handler = on_interrupt;
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, &before_);
}

Interrupt::~Interrupt() {
  ::sigaction(SIGINT, &before_, nullptr);
}

bool Interrupt::came() {
  return interrupts != 0;
}

}  // namespace adapters::posix
