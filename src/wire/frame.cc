// SPDX-License-Identifier: Apache-2.0
#include "wire/frame.h"

#include "stdx/assert.h"
#include "stdx/text.h"

namespace wire {

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
