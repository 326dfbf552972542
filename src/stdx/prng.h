// SPDX-License-Identifier: Apache-2.0
#pragma once

// xoshiro256**: the seeded generator of simulator, tests and tools. Not for secrets.

#include <array>
#include <cstdint>

namespace stdx {

class Prng {
 public:
  explicit Prng(std::uint64_t seed);

  std::uint64_t next();
  // Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  // Uniform in [low, high], both included.
  std::int64_t between(std::int64_t low, std::int64_t high);
  // True with probability numerator/denominator.
  bool chance(std::uint64_t numerator, std::uint64_t denominator);

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace stdx
