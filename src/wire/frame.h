// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a frame on a link holds: its first byte says the kind, the rest is the message. See
// docs/wire.md.

#include <google/protobuf/message_lite.h>

#include <cstdint>

#include "ports/transport.h"
#include "samoza/v1/envelope.pb.h"
#include "stdx/bytes.h"
#include "stdx/result.h"

namespace wire {

namespace v1 = samoza::v1;

enum class FrameKind : std::uint8_t {
  hello = 1,     // v1.Hello
  envelope = 2,  // v1.Envelope
  data = 3,      // a data frame (wire/data_frame.h)
  peer_hello = 4,
  data_hello = 5,
};

stdx::Bytes encode_frame(FrameKind kind, const google::protobuf::MessageLite& message);
// The kind of a frame; Code::invalid for an empty frame or an unknown kind.
stdx::Result<FrameKind> frame_kind(stdx::BytesView frame);

// Parses bytes from outside: unknown fields are kept out, anything malformed is Code::invalid.
template <typename Message>
stdx::Result<Message> parse(stdx::BytesView bytes) {
  Message message;
  if (bytes.size() > (64u << 20) ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return stdx::fail(stdx::Code::invalid, "bytes are no " + message.GetTypeName());
  message.DiscardUnknownFields();
  return message;
}

// The message of a frame whose kind was checked.
template <typename Message>
stdx::Result<Message> parse_frame(stdx::BytesView frame) {
  return parse<Message>(frame.substr(1));
}

// Urgent: what a lease, a heartbeat or the judgement of a failure depends on, and the responses to
// it (docs/wire.md). These messages are small and few.
ports::Urgency urgency_of(const v1::Envelope& envelope);
// Encodes it, and sends it with its urgency.
void send_envelope(ports::Link& link, const v1::Envelope& envelope);

v1::Status to_wire(const stdx::Error& error);
stdx::Error from_wire(const v1::Status& status);

}  // namespace wire
