// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/send_queue.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "stdx/assert.h"

namespace adapters::net {

void SendQueue::push(stdx::BytesView frame, ports::Urgency urgency) {
  auto& bytes = urgency == ports::Urgency::urgent ? urgent_.bytes : normal_.bytes;
  const auto length = static_cast<std::uint32_t>(frame.size());
  bytes.append(reinterpret_cast<const char*>(&length), length_bytes);
  bytes.append(frame);
}

std::string_view SendQueue::next(std::size_t most) const {
  const Lane& from = urgent_is_next() ? urgent_ : normal_;
  auto n = std::min(most, from.bytes.size() - from.sent);
  // An urgent frame waits for the end of this frame and no longer.
  if (&from == &normal_ && !urgent_.empty()) n = std::min(n, from.frame_left);
  return {from.bytes.data() + from.sent, n};
}

void SendQueue::consume(std::size_t bytes) {
  lane().consume(bytes);
}

void SendQueue::take(std::string& out, std::size_t most) {
  const auto given = next(most);
  Lane& from = lane();
  if (from.sent == 0 && given.size() == from.bytes.size()) {
    out.swap(from.bytes);
    from.bytes.clear();
    from.frame_left = 0;
    return;
  }
  out.assign(given);
  from.consume(given.size());
}

void SendQueue::Lane::consume(std::size_t n) {
  ASSERT(n <= bytes.size() - sent, "no more is consumed than waits");
  const auto end = sent + n;
  while (sent < end) {
    if (frame_left == 0) {
      std::uint32_t length = 0;
      std::memcpy(&length, bytes.data() + sent, length_bytes);
      frame_left = length_bytes + length;
    }
    const auto step = std::min(frame_left, end - sent);
    frame_left -= step;
    sent += step;
  }
  if (sent < bytes.size() / 2) return;
  bytes.erase(0, sent);
  sent = 0;
}

}  // namespace adapters::net
