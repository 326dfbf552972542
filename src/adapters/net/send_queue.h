// SPDX-License-Identifier: Apache-2.0
#pragma once

// What waits to be sent on a stream: frames, each behind its length (4 bytes, little-endian), in
// two lanes. Urgent frames go ahead of the others, but never into the middle of a frame. Each byte
// is moved once at most, however much waits. It has no bound of its own (LinkCore has).

#include <cstddef>
#include <string>
#include <string_view>

#include "ports/transport.h"

namespace adapters::net {

class SendQueue {
 public:
  static constexpr std::size_t length_bytes = 4;

  void push(stdx::BytesView frame, ports::Urgency urgency);
  bool empty() const { return normal_.empty() && urgent_.empty(); }

  // What is to be sent next: at most `most` bytes, and not empty while anything waits. Good until
  // the next push or consume.
  std::string_view next(std::size_t most) const;
  // `bytes` of what `next` gave are on their way.
  void consume(std::size_t bytes);
  // Both in one, into `out`, which is empty: swapped where all that waits is taken.
  void take(std::string& out, std::size_t most);

 private:
  struct Lane {
    std::string bytes;
    std::size_t sent = 0;        // of `bytes`
    std::size_t frame_left = 0;  // of the frame that was sent in part
    bool empty() const { return sent == bytes.size(); }
    void consume(std::size_t n);
  };
  bool urgent_is_next() const { return normal_.frame_left == 0 && !urgent_.empty(); }
  Lane& lane() { return urgent_is_next() ? urgent_ : normal_; }

  Lane normal_, urgent_;
};

}  // namespace adapters::net
