// SPDX-License-Identifier: Apache-2.0
#pragma once

// What becomes a dead letter (zrun/dead_letters.h) of the messages here: those that a receiver
// could not handle, and those that nobody has any more when a sender or a receiver leaves this
// zhost. And what people do with letters.
//
// Not thread-safe: it belongs to the loop of its zrun.

#include <string>
#include <vector>

#include "rpc/log_rate_limiter.h"
#include "zrun/dead_letters.h"
#include "zrun/local_parts.h"

namespace zrun {

class LetterWriter {
 public:
  explicit LetterWriter(LocalParts parts);

  const DeadLetters& letters() const { return letters_; }

  // --- of spaces ---
  // `letter` lacks what only its owner knows (SpaceOwner::record_dead_letter).
  void could_not_handle(Space& receiver, DeadLetter letter);
  // The retry of a letter was handled, or (with why) failed as often as it may.
  void retried(std::uint64_t letter, const std::string& why);
  // The store of the space was read; these are its letters.
  void loaded(Space& receiver, std::vector<DeadLetter> letters);

  // --- when spaces leave ---
  void sender_leaves(Space& sender, bool keeps_outbox, bool topology_ends);
  // `received`: what its receiver has, too.
  void not_received(LocalTopology& topology, PathState& path, const char* why,
                    bool received = false);
  // A message that was sent, and that no receiver will get.
  void given_up(const LocalTopology& topology, std::uint16_t path, const Message& message,
                const char* why);
  // `carry`: gets those that go to its next instance, in this zrun.
  void receiver_leaves(Space& receiver, std::vector<MessagePtr>* carry = nullptr);
  // A message of a receiver that leaves, which nobody else has.
  void not_handled(Space& receiver, const Message& message, const char* why);
  void forget_stored(const std::string& topology, const std::string& space) {
    letters_.forget_stored(topology, space);
  }

  // --- of people ---
  // Into the mailbox of its receiver again, which must run here; it stays a letter until it was
  // handled. Errors: not_found, unavailable (not here, or not running), full, already_exists.
  stdx::Status retry(std::uint64_t id);
  stdx::Status drop(std::uint64_t id);

 private:
  void add(DeadLetter letter);
  bool memory_of_sender_may_be_lost(const LocalTopology& topology, const PathState& path) const;
  // Where it is placed here.
  Space* receiver_of(const DeadLetter& letter);

  LocalParts parts_;
  DeadLetters letters_;
  rpc::LogRateLimiter log_rate_limiter_;
};

}  // namespace zrun
