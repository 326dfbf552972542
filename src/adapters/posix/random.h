// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "ports/random.h"

namespace adapters::posix {

// From the kernel (getrandom), 256 bytes at a time, the most that it gives whole whatever happens;
// ends the process where the kernel has none to give. Of one thread.
class KernelRandom final : public ports::Random {
 public:
  std::uint64_t next() override;

 private:
  std::array<std::uint64_t, 32> words_{};
  std::size_t left_ = 0;
};

}  // namespace adapters::posix
