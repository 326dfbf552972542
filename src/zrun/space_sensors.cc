// SPDX-License-Identifier: Apache-2.0
#include "zrun/space_sensors.h"

#include <utility>

namespace zrun {

stdx::Result<std::int32_t> SpaceSensors::open(const std::string& type) {
  if (open_.size() >= sensors_max)
    return stdx::fail(stdx::Code::full, "the space has too many sensors open");
  std::int32_t handle = 1;
  while (open_.contains(handle)) ++handle;
  auto& open = open_[handle];
  auto sensor = sensors_.open(type, [this, handle](stdx::Bytes reading) {
    auto& readings = open_.at(handle).readings;
    readings.push_back(std::move(reading));
    // What a slow guest missed is gone.
    if (readings.size() > readings_kept) readings.pop_front();
    on_reading_();
  });
  if (!sensor) {
    open_.erase(handle);
    return stdx::fail(stdx::Code::not_found, "there is no sensor of that type");
  }
  open.sensor = std::move(*sensor);
  return handle;
}

std::deque<stdx::Bytes>* SpaceSensors::readings(std::int32_t handle) {
  const auto at = open_.find(handle);
  return at == open_.end() ? nullptr : &at->second.readings;
}

}  // namespace zrun
