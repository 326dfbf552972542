// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace ports {

// 64 random bits a call: from the kernel in a process (fit for tokens and ids), seeded in the
// simulator. Called from the service's loop.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
};

}  // namespace ports
