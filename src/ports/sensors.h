// SPDX-License-Identifier: Apache-2.0
#pragma once

// Device drivers outside the guest. A type is a string; readings are JSON (R-ABI-5).

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace ports {

// One subscription; destroying it ends it.
class Sensor {
 public:
  virtual ~Sensor() = default;
};

class Sensors {
 public:
  virtual ~Sensors() = default;
  // The types this zhost has, sorted: what it advertises for placement.
  virtual std::vector<std::string> types() const = 0;
  // Code::not_found for a type that is not here. `on_reading` is called on the loop of zrun.
  virtual stdx::Result<std::unique_ptr<Sensor>> open(
      const std::string& type, std::function<void(stdx::Bytes)> on_reading) = 0;
};

}  // namespace ports
