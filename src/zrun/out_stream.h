// SPDX-License-Identifier: Apache-2.0
#pragma once

// The sending end of one path: messages numbered from 1 in each life of the sender (epoch, run),
// kept until the receiver finished them (docs/delivery.md). It decides what goes out next; the
// Courier sends it.
//
//   finished < = received <= sent <= last      all counts of sequence numbers
//
// Pure. Bounds: `messages_max`, `bytes_max` of what is not finished; `full` says when.

#include <cstdint>
#include <functional>

#include "model/topology.h"
#include "stdx/ring.h"
#include "zrun/message.h"

namespace zrun {

class OutStream {
 public:
  struct Options {
    model::Delivery delivery = model::Delivery::at_least_once;
    std::uint32_t messages_max = 1024;
    std::uint64_t bytes_max = 4u << 20;
    // Sent and not yet received: what a lost link may cost to send again.
    std::uint32_t window = 512;
  };

  explicit OutStream(Options options) : options_(options) {}

  bool full(std::size_t bytes) const {
    return queue_.size() >= options_.messages_max || queued_bytes_ + bytes > options_.bytes_max;
  }
  // Takes the message in and numbers it. Requires !full(bytes), or an empty queue (one message
  // always fits).
  std::uint64_t push(MessagePtr message);

  // The next message to send, or none: all sent, or the window is used up.
  MessagePtr next() const;
  void sent();  // what next() gave went out

  // Everything up to `seq` is in the receiver's mailbox / is finished there. Numbers out of range
  // are ignored: they come from outside.
  void received(std::uint64_t seq);
  void finished(std::uint64_t seq);

  // The way was lost: what is not received goes out again, marked where it was sent before.
  void rewind();
  // The receiver asks for everything behind `seq` again: its mailbox was full.
  void resend_after(std::uint64_t seq);
  // Another instance receives now: what is not finished goes out again, marked where the former one
  // may have seen it.
  void restart();
  // Takes out everything that is not finished, oldest first.
  void drain(const std::function<void(MessagePtr)>& take);

  std::uint64_t first_unfinished() const { return finished_ + 1; }
  std::uint64_t received() const { return received_; }
  std::uint64_t sent_upto() const { return sent_; }
  std::uint64_t last() const { return last_; }
  std::size_t unfinished() const { return queue_.size(); }
  bool waits_for_receipt() const { return sent_ > received_; }
  bool keeps_until_finished() const { return options_.delivery != model::Delivery::at_most_once; }

 private:
  MessagePtr at(std::uint64_t seq) const { return queue_[seq - finished_ - 1]; }

  Options options_;
  stdx::Ring<MessagePtr> queue_;  // finished_ + 1 .. last_
  std::uint64_t queued_bytes_ = 0;
  std::uint64_t finished_ = 0, received_ = 0, sent_ = 0, last_ = 0;
  std::uint64_t highest_sent_ = 0;  // whatever rewinds: a receiver may have seen it
};

}  // namespace zrun
