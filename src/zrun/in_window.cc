// SPDX-License-Identifier: Apache-2.0
#include "zrun/in_window.h"

#include <algorithm>

#include "stdx/plant.h"

namespace zrun {

bool InWindow::open(SenderGeneration sender, std::uint64_t first_seq, std::uint64_t stream) {
  if (sender < newest()) return false;
  const std::uint64_t before = first_seq > 0 ? first_seq - 1 : 0;
  if (sender == sender_ || (stream != 0 && stream == stream_)) {
    // The same life over another way, or the next life of a stored stream: what came still counts.
    sender_ = sender;
    received_ = std::max(received_, before);
    return true;
  }
  sender_ = numbered_since_ = sender;
  stream_ = stream;
  received_ = finished_ = before;
  return true;
}

void InWindow::resume(const Cursor& cursor) {
  sender_ = numbered_since_ = cursor.sender;
  stream_ = cursor.stream;
  received_ = finished_ = cursor.seq;
}

void InWindow::restart() {
  const auto floor = newest();
  *this = {};
  floor_ = floor;
}

InWindow::Verdict InWindow::judge(SenderGeneration sender, std::uint64_t seq,
                                  bool gaps_allowed) const {
  if (sender < newest()) return Verdict::stale;
  if (sender > sender_) return Verdict::gap;  // its `open` was lost
  if (seq <= received_) return PLANTED(S6_dedupe) ? Verdict::take : Verdict::repeat;
  if (seq == received_ + 1 || gaps_allowed || PLANTED(S6_gap)) return Verdict::take;
  return Verdict::gap;
}

}  // namespace zrun
