// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "stdx/time.h"

namespace ports {

// Time of one machine. `now` never goes backwards; it may stall (a stopped VM). `wall` may jump
// either way and is for people and records only. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual stdx::Instant now() const = 0;
  virtual stdx::WallTime wall() const = 0;
};

}  // namespace ports
