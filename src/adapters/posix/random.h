// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ports/random.h"

namespace adapters::posix {

// From the kernel (getrandom); ends the process where the kernel has none to give.
class KernelRandom final : public ports::Random {
 public:
  std::uint64_t next() override;
};

}  // namespace adapters::posix
