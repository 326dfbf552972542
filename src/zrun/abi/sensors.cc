// SPDX-License-Identifier: Apache-2.0
#include "zrun/abi/functions.h"
#include "zrun/abi/guest_span.h"
#include "zrun/space.h"

namespace zrun::abi {
namespace {

using ports::HostCall;
using ports::HostResult;

HostResult subscribe(void* context, const HostCall& call) {
  const auto type = GuestSpan::at(call.memory, call.args[0], call.args[1], 64);
  if (!type) return HostResult::done(guest_abi::e_invalid);
  return HostResult::done(static_cast<Space*>(context)->open_sensor(stdx::Bytes(type->view())));
}

HostResult read(void* context, const HostCall& call) {
  auto& space = *static_cast<Space*>(context);
  const auto open = space.sensors.find(i32(call.args[0]));
  const auto buffer = GuestSpan::at(call.memory, call.args[1], call.args[2], 0xffffffffu);
  if (open == space.sensors.end() || !buffer) return HostResult::done(guest_abi::e_invalid);
  auto& readings = open->second.readings;
  if (readings.empty()) {
    if (space.tell_closed()) return HostResult::done(guest_abi::e_closed);
    const auto timeout = i32(call.args[3]);
    if (timeout == 0 && !call.again) {
      space.park(Space::Wait::yield, -1);
      return HostResult::wait();
    }
    if (timeout == 0 || (call.again && space.deadline_passed())) {
      space.unpark();
      return HostResult::done(guest_abi::e_timeout);
    }
    if (!call.again) space.park(Space::Wait::sensor, timeout);
    return HostResult::wait();
  }
  space.unpark();
  if (readings.front().size() > buffer->size()) return HostResult::done(guest_abi::e_too_small);
  const auto reading = std::move(readings.front());
  readings.pop_front();
  buffer->write(reading.data(), reading.size());
  return HostResult::done(static_cast<std::int32_t>(reading.size()));
}

HostResult unsubscribe(void* context, const HostCall& call) {
  const bool was_open = static_cast<Space*>(context)->sensors.erase(i32(call.args[0])) > 0;
  return HostResult::done(was_open ? 0 : guest_abi::e_invalid);
}

}  // namespace

std::vector<Row> sensor_rows() {
  return {{"sensors", "subscribe", subscribe},
          {"sensors", "read", read},
          {"sensors", "unsubscribe", unsubscribe}};
}

}  // namespace zrun::abi
