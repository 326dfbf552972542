// SPDX-License-Identifier: Apache-2.0
#include "stdx/utf8.h"
#include "wire/data_frame.h"
#include "zrun/abi/functions.h"
#include "zrun/abi/guest_span.h"
#include "zrun/space.h"

namespace zrun::abi {
namespace {

using ports::HostCall;
using ports::HostResult;

I32 log(Space& space, const HostCall& call, std::int32_t level, std::uint32_t at,
        std::uint32_t bytes) {
  const auto text = GuestSpan::at(call.memory, at, bytes, 64u << 10);
  if (!text) return HostResult::done(guest_abi::e_invalid);
  space.log().write(level, text->view());
  return HostResult::done(0);
}

I32 sleep(Space& space, const HostCall& call, std::int32_t ms) {
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

I32 yield(Space& space, const HostCall& call) {
  if (!call.again) {
    space.park(Space::Wait::yield, -1);
    return HostResult::wait();
  }
  space.unpark();
  return HostResult::done(0);
}

I32 self_emit(Space& space, const HostCall& call, std::uint32_t at, std::uint32_t bytes,
              std::int32_t delay_ms) {
  const auto data = GuestSpan::at(call.memory, at, bytes, wire::message_bytes_max);
  if (!data || delay_ms < 0) return HostResult::done(guest_abi::e_invalid);
  const bool taken = space.self_emit(data->view(), delay_ms);
  return HostResult::done(taken ? 0 : guest_abi::e_full);
}

I32 trace(Space& space, const HostCall& call, std::uint32_t key_at, std::uint32_t key_bytes,
          std::uint32_t at, std::uint32_t bytes) {
  const auto key = GuestSpan::at(call.memory, key_at, key_bytes, Span::key_max);
  const auto value = GuestSpan::at(call.memory, at, bytes, Span::value_max);
  if (!key || !value || key->size() == 0 || key->view().starts_with("samoza.") ||
      !stdx::is_utf8(key->view()) || !stdx::is_utf8(value->view()))
    return HostResult::done(guest_abi::e_invalid);
  switch (space.trace().annotate(key->view(), value->view())) {
    case SpaceTrace::Annotated::taken:
      return HostResult::done(0);
    case SpaceTrace::Annotated::not_traced:
      return HostResult::done(guest_abi::e_not_found);
    case SpaceTrace::Annotated::full:
      return HostResult::done(guest_abi::e_full);
  }
  return HostResult::done(guest_abi::e_invalid);
}

}  // namespace

std::vector<Row> sys_rows() {
  return {row<log>("sys", "log"), row<sleep>("sys", "sleep"), row<yield>("sys", "yield"),
          row<self_emit>("sys", "self_emit"), row<trace>("sys", "trace")};
}

}  // namespace zrun::abi
