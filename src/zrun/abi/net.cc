// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "wire/data_frame.h"
#include "zrun/abi/functions.h"
#include "zrun/abi/guest_span.h"
#include "zrun/space.h"

namespace zrun::abi {
namespace {

using ports::HostCall;
using ports::HostResult;

I32 emit_to(Space& space, const HostCall& call, std::uint32_t name_at, std::uint32_t name_bytes,
            std::uint32_t at, std::uint32_t bytes, std::int32_t timeout) {
  const auto name = GuestSpan::at(call.memory, name_at, name_bytes, model::name_bytes_max);
  const auto payload = GuestSpan::at(call.memory, at, bytes, wire::message_bytes_max);
  if (!name || !payload) return HostResult::done(guest_abi::e_invalid);
  auto* path = space.out_path(name->view());
  if (path == nullptr) return HostResult::done(guest_abi::e_denied);
  const auto room = space.room_on(*path, payload->size());
  if (room != Space::Room::there) {
    if (space.tell_closed()) return HostResult::done(guest_abi::e_closed);
    if (timeout == 0 || room == Space::Room::never || (call.again && space.deadline_passed())) {
      space.unpark();
      return HostResult::done(guest_abi::e_full);
    }
    path->sender_waits = true;
    if (!call.again) space.park(Space::Wait::room, timeout);
    return HostResult::wait();
  }
  space.unpark();
  space.emit(*path, payload->view());
  return HostResult::done(0);
}

void copy_name(char (&to)[64], const std::string& name) {
  const auto n = std::min(name.size(), sizeof to - 1);
  std::copy_n(name.data(), n, to);
}

guest_abi::MessageInfo info_of(Space& space, const Message& message) {
  guest_abi::MessageInfo info{};
  info.bytes = static_cast<std::uint32_t>(message.payload.size());
  info.seq = message.seq;
  info.sender_epoch = message.sender_epoch;
  if (message.redelivered) info.flags |= guest_abi::flag_redelivered;
  if (message.is_from_outside()) {
    info.flags |= guest_abi::flag_outside;
    if (message.http) info.flags |= guest_abi::flag_http;
  } else if (!message.is_declared()) {
    info.flags |= guest_abi::flag_self;
    copy_name(info.sender, space.spec().name);
  } else {
    const auto& path = space.topology().spec().paths[message.path];
    copy_name(info.path, space.in_name(message.path));
    copy_name(info.sender, path.from);
  }
  return info;
}

I32 recv_next(Space& space, const HostCall& call, std::uint32_t at, std::uint32_t capacity,
              std::uint32_t info_at, std::int32_t timeout) {
  const auto buffer = GuestSpan::at(call.memory, at, capacity, 0xffffffffu);
  std::optional<GuestSpan> info;
  if (info_at != 0) {
    info = GuestSpan::at(call.memory, info_at, sizeof(guest_abi::MessageInfo),
                         sizeof(guest_abi::MessageInfo));
    if (!info) return HostResult::done(guest_abi::e_invalid);
  }
  if (!buffer) return HostResult::done(guest_abi::e_invalid);
  const bool begins = !call.again || space.waiting() == Space::Wait::commit;
  if (begins && !space.end_turn()) return HostResult::wait();
  const bool closed = space.asked_to_return();
  if (space.tell_closed()) return HostResult::done(guest_abi::e_closed);
  if (closed || space.mailbox_empty()) {
    // A guest that polls in a loop gives way at each look.
    if (timeout == 0 && !closed && !call.again) {
      space.park(Space::Wait::yield, -1);
      return HostResult::wait();
    }
    if (timeout == 0 || (!begins && space.deadline_passed())) {
      space.unpark();
      return HostResult::done(closed ? guest_abi::e_closed : guest_abi::e_timeout);
    }
    if (begins) space.park(Space::Wait::message, timeout);
    return HostResult::wait();
  }
  space.unpark();
  const auto& front = *space.front();
  if (info) {
    const auto facts = info_of(space, front);
    info->write(&facts, sizeof facts);
  }
  if (front.payload.size() > buffer->size()) {
    space.note_too_small(buffer->size());
    return HostResult::done(guest_abi::e_too_small);
  }
  const auto message = space.take_front();
  buffer->write(message->payload.data(), message->payload.size());
  return HostResult::done(static_cast<std::int32_t>(message->payload.size()));
}

I32 reply(Space& space, const HostCall& call, std::uint32_t at, std::uint32_t bytes) {
  const auto answer = GuestSpan::at(call.memory, at, bytes, OutsideCalls::answer_bytes_max);
  if (!answer) return HostResult::done(guest_abi::e_invalid);
  switch (space.reply(answer->view())) {
    case Space::Replied::taken:
      return HostResult::done(0);
    case Space::Replied::nobody_waits:
      return HostResult::done(guest_abi::e_not_found);
    case Space::Replied::again:
      return HostResult::done(guest_abi::e_invalid);
  }
  return HostResult::done(guest_abi::e_invalid);
}

}  // namespace

std::vector<Row> net_rows() {
  return {row<emit_to>("net", "emit_to"), row<recv_next>("net", "recv_next"),
          row<reply>("net", "reply")};
}

}  // namespace zrun::abi
