// SPDX-License-Identifier: Apache-2.0
#pragma once

// The sensors that a space has open, and the readings that it has not taken yet. At most
// readings_kept of each: the newest ones are the ones that matter.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "ports/sensors.h"
#include "stdx/bytes.h"

namespace zrun {

class SpaceSensors {
 public:
  static constexpr std::size_t sensors_max = 16;
  static constexpr std::size_t readings_kept = 256;

  // `on_reading`: one of them has a new reading. `sensors` outlives it.
  SpaceSensors(ports::Sensors& sensors, std::function<void()> on_reading)
      : sensors_(sensors), on_reading_(std::move(on_reading)) {}

  // Gives its handle, from 1. Code::full past sensors_max, Code::not_found for a type that this
  // zhost does not have.
  stdx::Result<std::int32_t> open(const std::string& type);
  // Null where that handle is not open.
  std::deque<stdx::Bytes>* readings(std::int32_t handle);
  bool close(std::int32_t handle) { return open_.erase(handle) > 0; }
  void close_all() { open_.clear(); }

 private:
  struct Open {
    std::unique_ptr<ports::Sensor> sensor;
    std::deque<stdx::Bytes> readings;
  };

  ports::Sensors& sensors_;
  std::function<void()> on_reading_;
  std::map<std::int32_t, Open> open_;
};

}  // namespace zrun
