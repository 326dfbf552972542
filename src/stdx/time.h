// SPDX-License-Identifier: Apache-2.0
#pragma once

// Monotonic time as every service sees it: an Instant from the Clock port, never from the system.
// Instants of two machines are never compared.

#include <chrono>
#include <cstdint>

namespace stdx {

using namespace std::chrono_literals;

using Duration = std::chrono::nanoseconds;

struct MonotonicClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonotonicClock, Duration>;
  static constexpr bool is_steady = true;
};
using Instant = MonotonicClock::time_point;

// Wall clock, for people and records only; no decision reads it (S22).
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

inline std::int64_t to_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

}  // namespace stdx
