// SPDX-License-Identifier: Apache-2.0
#pragma once

// Bounds log lines that a stranger can cause: `burst` lines at once, then one each `every`. The
// next line that passes says how many were held back. Pure.

#include <cstdint>
#include <optional>

#include "stdx/time.h"

namespace rpc {

class LogRateLimiter {
 public:
  static constexpr std::uint64_t burst = 5;
  static constexpr stdx::Duration every = std::chrono::seconds(10);

  // Nothing: do not write. Else how many lines were held back since the last one.
  std::optional<std::uint64_t> pass(stdx::Instant now) {
    const auto earned = static_cast<std::uint64_t>((now - last_) / every);
    if (earned > 0) {
      left_ = left_ + earned < burst ? left_ + earned : burst;
      last_ = now;
    }
    if (left_ == 0) {
      ++held_back_;
      return std::nullopt;
    }
    --left_;
    const auto held_back = held_back_;
    held_back_ = 0;
    return held_back;
  }

 private:
  std::uint64_t left_ = burst;
  std::uint64_t held_back_ = 0;
  stdx::Instant last_{};
};

}  // namespace rpc
