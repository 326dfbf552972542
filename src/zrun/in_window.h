// SPDX-License-Identifier: Apache-2.0
#pragma once

// The receiving end of one path: what of the present sender's stream came, in order and once.
//
// Refuses a sender older than one it took from (S1); counts of a new sender life start where its
// `open` says, unless the sender's numbers are stored: then the same stream goes on, and what came
// from a former life counts. A number that was received is a repeat; a number past the next one
// shows a gap, and the sender is asked to go back.
//
// Pure.

#include <algorithm>
#include <compare>
#include <cstdint>

namespace zrun {

struct SenderGeneration {
  std::uint64_t epoch = 0;
  std::uint32_t run = 0;
  auto operator<=>(const SenderGeneration&) const = default;
};

// How far a receiver with a store has come on one path: committed with each turn.
struct Cursor {
  SenderGeneration sender;
  std::uint64_t stream = 0;  // OutStream::stream() of the sender
  std::uint64_t seq = 0;
  bool operator==(const Cursor&) const = default;
};

class InWindow {
 public:
  enum class Verdict { take, repeat, gap, stale };

  // A sender says where its stream starts, and which one it is (0: its numbers are not stored).
  // False: it is older than the newest one known.
  bool open(SenderGeneration sender, std::uint64_t first_seq, std::uint64_t stream = 0);
  // Goes on behind what a former life of the receiver committed.
  void resume(const Cursor& cursor);
  // Another instance receives now: nothing of the stream came to it, yet what is known of senders
  // stays known (P10).
  void restart();
  // Whether a message is the next one. `take` must be followed by `took` when it was put away.
  Verdict judge(SenderGeneration sender, std::uint64_t seq, bool gaps_allowed) const;
  void took(std::uint64_t seq) { received_ = seq; }
  void finish(std::uint64_t seq) {
    if (seq > finished_) finished_ = seq;
  }

  // Whether a message of that life is numbered as the present stream is; else nobody waits to hear
  // that it is finished.
  bool counts(SenderGeneration life) const { return life >= numbered_since_; }
  Cursor at(std::uint64_t seq) const { return {sender_, stream_, seq}; }

  SenderGeneration sender() const { return sender_; }
  SenderGeneration newest() const { return std::max(sender_, floor_); }
  std::uint64_t received() const { return received_; }
  std::uint64_t finished() const { return finished_; }

 private:
  SenderGeneration sender_, numbered_since_;
  SenderGeneration floor_;  // the newest that a former receiver took from
  std::uint64_t stream_ = 0;
  std::uint64_t received_ = 0, finished_ = 0;
};

}  // namespace zrun
