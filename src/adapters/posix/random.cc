// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/random.h"

#include <sys/random.h>

#include <utility>

#include "stdx/assert.h"

namespace adapters::posix {

std::uint64_t KernelRandom::next() {
  if (left_ == 0) {
    ASSERT(getrandom(words_.data(), sizeof words_, 0) == sizeof words_,
           "the kernel gives random bytes");
    left_ = words_.size();
  }
  // Given once, and then nowhere in this process's memory.
  return std::exchange(words_[--left_], 0);
}

}  // namespace adapters::posix
