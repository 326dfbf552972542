// SPDX-License-Identifier: Apache-2.0
#include "wire/frame.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "stdx/assert.h"
#include "stdx/text.h"

namespace wire {
namespace {

constexpr std::array<std::string_view, 7> urgent_methods{
    "controlplane.cas_term", "controlplane.read_term", "service.ping", "startz.beat",
    "startz.beat_wanted",    "startz.probe",           "zmesh.ping"};

}  // namespace

stdx::Bytes encode_frame(FrameKind kind, const google::protobuf::MessageLite& message) {
  stdx::Bytes frame(1, static_cast<char>(kind));
  ASSERT(message.AppendToString(&frame), "an own message can be encoded");
  return frame;
}

stdx::Result<FrameKind> frame_kind(stdx::BytesView frame) {
  if (frame.empty()) return stdx::fail(stdx::Code::invalid, "empty frame");
  const auto kind = static_cast<std::uint8_t>(frame[0]);
  if (kind < 1 || kind > 5)
    return stdx::fail(stdx::Code::invalid, stdx::format("unknown kind of frame {}", kind));
  return static_cast<FrameKind>(kind);
}

ports::Urgency urgency_of(const v1::Envelope& envelope) {
  return std::ranges::find(urgent_methods, envelope.method()) == urgent_methods.end()
             ? ports::Urgency::normal
             : ports::Urgency::urgent;
}

void send_envelope(ports::Link& link, const v1::Envelope& envelope) {
  link.send(encode_frame(FrameKind::envelope, envelope), urgency_of(envelope));
}

v1::Status to_wire(const stdx::Error& error) {
  v1::Status status;
  status.set_code(static_cast<int>(error.code));
  status.set_message(error.message);
  return status;
}

stdx::Error from_wire(const v1::Status& status) {
  const bool known = status.code() >= 1 && status.code() <= 13;
  return {known ? static_cast<stdx::Code>(status.code()) : stdx::Code::failed, status.message()};
}

}  // namespace wire
