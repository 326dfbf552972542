// SPDX-License-Identifier: Apache-2.0
#include "zrun/abi/functions.h"
#include "zrun/abi/guest_span.h"
#include "zrun/space.h"

namespace zrun::abi {
namespace {

using ports::HostCall;
using ports::HostResult;

I32 subscribe(Space& space, const HostCall& call, std::uint32_t at, std::uint32_t bytes) {
  const auto type = GuestSpan::at(call.memory, at, bytes, 64);
  if (!type) return HostResult::done(guest_abi::e_invalid);
  const auto handle = space.sensors().open(stdx::Bytes(type->view()));
  if (!handle)
    return HostResult::done(handle.error().code == stdx::Code::full ? guest_abi::e_full
                                                                    : guest_abi::e_not_found);
  return HostResult::done(*handle);
}

I32 read(Space& space, const HostCall& call, std::int32_t handle, std::uint32_t at,
         std::uint32_t capacity, std::int32_t timeout) {
  auto* open = space.sensors().readings(handle);
  const auto buffer = GuestSpan::at(call.memory, at, capacity, 0xffffffffu);
  if (open == nullptr || !buffer) return HostResult::done(guest_abi::e_invalid);
  auto& readings = *open;
  if (readings.empty()) {
    if (space.tell_closed()) return HostResult::done(guest_abi::e_closed);
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

I32 unsubscribe(Space& space, const HostCall&, std::int32_t handle) {
  const bool was_open = space.sensors().close(handle);
  return HostResult::done(was_open ? 0 : guest_abi::e_invalid);
}

}  // namespace

std::vector<Row> sensor_rows() {
  return {row<subscribe>("sensors", "subscribe"), row<read>("sensors", "read"),
          row<unsubscribe>("sensors", "unsubscribe")};
}

}  // namespace zrun::abi
