// SPDX-License-Identifier: Apache-2.0
#pragma once

// The receiving end of one path: what of the present sender's stream came, in order and once.
//
// Refuses a sender older than one it took from (S1); counts of a new sender life start where its
// `open` says. A number that was received is a repeat; a number past the next one shows a gap, and
// the sender is asked to go back.
//
// Pure.

#include <compare>
#include <cstdint>

namespace zrun {

struct SenderLife {
  std::uint64_t epoch = 0;
  std::uint32_t run = 0;
  auto operator<=>(const SenderLife&) const = default;
};

class InWindow {
 public:
  enum class Verdict { take, repeat, gap, stale };

  // A sender says where its stream starts. False: it is older than the one known.
  bool open(SenderLife sender, std::uint64_t first_seq);
  // Whether a message is the next one. `take` must be followed by `took` when it was put away.
  Verdict judge(SenderLife sender, std::uint64_t seq, bool gaps_allowed) const;
  void took(std::uint64_t seq) { received_ = seq; }
  void finish(std::uint64_t seq) {
    if (seq > finished_) finished_ = seq;
  }

  SenderLife sender() const { return sender_; }
  std::uint64_t received() const { return received_; }
  std::uint64_t finished() const { return finished_; }

 private:
  SenderLife sender_;
  std::uint64_t received_ = 0, finished_ = 0;
};

}  // namespace zrun
