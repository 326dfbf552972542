// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether an envelope fits into what a link still takes. A frame past ports::Link::queue_bytes_max
// ends the link, and with it everything else that waits in it: so between the services of a zhost
// one message is refused instead. Pure.

#include "ports/transport.h"
#include "samoza/v1/envelope.pb.h"

namespace rpc {

// What a refusal of an answer takes stays free for it.
inline constexpr std::size_t refusals_bytes = 256u << 10;

inline bool has_room(const ports::Link& link, const samoza::v1::Envelope& envelope) {
  constexpr std::size_t small = 4096;  // such as a refusal
  const auto bytes = envelope.ByteSizeLong() + small;
  const auto reserve = bytes <= 2 * small ? 0 : refusals_bytes;
  return link.queued_bytes() + bytes + reserve <= ports::Link::queue_bytes_max;
}

}  // namespace rpc
