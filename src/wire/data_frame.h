// SPDX-License-Identifier: Apache-2.0
#pragma once

// A message between two spaces, and its acknowledgements, as one frame: a fixed little-endian
// header, then the payload. Never protobuf: it is on the hot path, and relays read only the header.
//
//   offset size
//        0    1  frame kind (3)
//        1    1  type        DataType
//        2    1  flags       bit 0: redelivered; bit 1: a trace context comes before the payload
//        3    1  hops        zmesh processes passed
//        4    2  path        index in the topology's sorted paths
//        6    2  from_space  index in the topology's sorted spaces
//        8    2  to_space
//       10    2  reserved, 0
//       12    4  payload bytes
//       16   16  topology id
//       32    8  from_epoch
//       40    8  to_epoch    0: whichever instance there is
//       48    4  from_run
//       52    4  to_run       of a message: the life of the receiver it is meant for; 0: any
//       56    8  seq
//       64       payload, of a message with flag bit 1 behind its trace context: trace id 8 and 8,
//                span id 8, trace flags 1 (model/trace_context.h)
//
// The payload of an `open` is empty, or 8 bytes little-endian: the name of the stream's numbering.
// A next life of the sender with the same name goes on with its numbers: it read its outbox again
// (docs/delivery.md, `once`), or it took the place of a former version.
//
// `from` is always the sender of this frame: in an acknowledgement it is the receiver of the
// messages. Versions: the layout never changes; a new one gets a new frame kind. A zrun that does
// not know bit 1 refuses such a frame, and none sends one unless tracing is on
// (docs/how-to/trace-messages.md).

#include <array>
#include <cstdint>
#include <optional>

#include "model/trace_context.h"
#include "stdx/bytes.h"
#include "stdx/result.h"

namespace wire {

enum class DataType : std::uint8_t {
  message = 1,
  // Start of a sender's stream on a path: `seq` is the first number that will come.
  open = 2,
  // Every message up to `seq` is in the receiver's mailbox.
  received = 3,
  // Every message up to `seq` is finished (docs/delivery.md); the sender may forget it.
  finished = 4,
  // Of former versions; it acknowledges nothing.
  refused = 5,
};

struct DataHeader {
  DataType type = DataType::message;
  bool redelivered = false;
  std::uint8_t hops = 0;
  std::uint16_t path = 0;
  std::uint16_t from_space = 0;
  std::uint16_t to_space = 0;
  std::array<char, 16> topology{};
  std::uint64_t from_epoch = 0;
  std::uint64_t to_epoch = 0;
  std::uint32_t from_run = 0;
  std::uint32_t to_run = 0;
  std::uint64_t seq = 0;
  std::optional<model::TraceContext> trace;  // of a message only

  bool operator==(const DataHeader&) const = default;
};

inline constexpr std::size_t data_header_bytes = 64, trace_bytes = 25;
// Payload of one message (1 MB).
inline constexpr std::size_t message_bytes_max = 1u << 20;

stdx::Bytes encode_data_frame(const DataHeader& header, stdx::BytesView payload);

struct DataFrame {
  DataHeader header;
  stdx::BytesView payload;  // into the frame
};
// Checks every length; Code::invalid says what is wrong.
stdx::Result<DataFrame> parse_data_frame(stdx::BytesView frame);

// An `open` of a stream with that numbering; 0: without a name.
stdx::Bytes encode_open(const DataHeader& header, std::uint64_t stream);
// 0 where the payload is no such name.
std::uint64_t stream_of(const DataFrame& open);

// For relays: adds one to `hops` in place. Requires a frame that parsed.
void add_hop(stdx::Bytes& frame);

}  // namespace wire
