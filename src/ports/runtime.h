// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ports/clock.h"
#include "ports/executor.h"
#include "ports/log.h"
#include "ports/metrics.h"
#include "ports/random.h"

namespace ports {

// What every service needs of its surroundings; the rest (Transport, Store, …) is named one by one
// in each constructor. All of it outlives the service.
struct Runtime {
  Clock& clock;
  Executor& executor;
  Random& random;
  Log& log;
  Metrics& metrics;
};

}  // namespace ports
