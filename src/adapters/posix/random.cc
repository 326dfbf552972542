// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/random.h"

#include <sys/random.h>

#include "stdx/assert.h"

namespace adapters::posix {

std::uint64_t KernelRandom::next() {
  std::uint64_t value = 0;
  ASSERT(getrandom(&value, sizeof value, 0) == sizeof value, "the kernel gives random bytes");
  return value;
}

}  // namespace adapters::posix
