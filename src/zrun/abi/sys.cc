// SPDX-License-Identifier: Apache-2.0
#include "wire/data_frame.h"
#include "zrun/abi/functions.h"
#include "zrun/abi/guest_span.h"
#include "zrun/space.h"

namespace zrun::abi {
namespace {

using ports::HostCall;
using ports::HostResult;

Space& space_of(void* context) {
  return *static_cast<Space*>(context);
}

HostResult log(void* context, const HostCall& call) {
  const auto text = GuestSpan::at(call.memory, call.args[1], call.args[2], 64u << 10);
  if (!text) return HostResult::done(guest_abi::e_invalid);
  space_of(context).write_log(i32(call.args[0]), text->view());
  return HostResult::done(0);
}

HostResult sleep(void* context, const HostCall& call) {
  auto& space = space_of(context);
  const auto ms = i32(call.args[0]);
  if (ms < 0) return HostResult::done(guest_abi::e_invalid);
  if (space.tell_closed()) return HostResult::done(guest_abi::e_closed);
  if (!call.again) {
    // A sleep of no time gives way all the same.
    if (ms == 0)
      space.park(Space::Wait::yield, -1);
    else
      space.park(Space::Wait::sleep, ms);
    return HostResult::wait();
  }
  if (ms > 0 && !space.deadline_passed()) return HostResult::wait();
  space.unpark();
  return HostResult::done(0);
}

HostResult yield(void* context, const HostCall& call) {
  auto& space = space_of(context);
  if (!call.again) {
    space.park(Space::Wait::yield, -1);
    return HostResult::wait();
  }
  space.unpark();
  return HostResult::done(0);
}

HostResult self_emit(void* context, const HostCall& call) {
  const auto data = GuestSpan::at(call.memory, call.args[0], call.args[1], wire::message_bytes_max);
  if (!data || i32(call.args[2]) < 0) return HostResult::done(guest_abi::e_invalid);
  const bool taken = space_of(context).self_emit(data->view(), i32(call.args[2]));
  return HostResult::done(taken ? 0 : guest_abi::e_full);
}

}  // namespace

std::vector<Row> sys_rows() {
  return {{"sys", "log", log},
          {"sys", "sleep", sleep},
          {"sys", "yield", yield},
          {"sys", "self_emit", self_emit}};
}

}  // namespace zrun::abi
