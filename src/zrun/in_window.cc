// SPDX-License-Identifier: Apache-2.0
#include "zrun/in_window.h"

#include <algorithm>

namespace zrun {

bool InWindow::open(SenderLife sender, std::uint64_t first_seq) {
  if (sender < sender_) return false;
  if (sender == sender_) {
    // The same life again, over another way: what came before still counts.
    if (first_seq > 0) received_ = std::max(received_, first_seq - 1);
    return true;
  }
  sender_ = sender;
  received_ = finished_ = first_seq > 0 ? first_seq - 1 : 0;
  return true;
}

InWindow::Verdict InWindow::judge(SenderLife sender, std::uint64_t seq, bool gaps_allowed) const {
  if (sender < sender_) return Verdict::stale;
  if (sender > sender_) return Verdict::gap;  // its `open` was lost
  if (seq <= received_) return Verdict::repeat;
  if (seq == received_ + 1 || gaps_allowed) return Verdict::take;
  return Verdict::gap;
}

}  // namespace zrun
