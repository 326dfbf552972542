// SPDX-License-Identifier: Apache-2.0
#include "stdx/prng.h"

#include <bit>

#include "stdx/assert.h"

namespace stdx {

Prng::Prng(std::uint64_t seed) {
  // splitmix64, so that near seeds give unrelated streams.
  for (auto& word : state_) {
    seed += 0x9e3779b97f4a7c15ull;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    word = z ^ (z >> 31);
  }
}

std::uint64_t Prng::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Prng::below(std::uint64_t bound) {
  ASSERT(bound > 0, "a range has at least one value");
  // Rejects the few values that would make the low ones likelier.
  const std::uint64_t limit = bound * ((~0ull) / bound);
  std::uint64_t value = next();
  while (value >= limit) value = next();
  return value % bound;
}

std::int64_t Prng::between(std::int64_t low, std::int64_t high) {
  ASSERT(low <= high, "a range has at least one value");
  return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
}

bool Prng::chance(std::uint64_t numerator, std::uint64_t denominator) {
  return below(denominator) < numerator;
}

}  // namespace stdx
