// SPDX-License-Identifier: Apache-2.0
#pragma once

// The sending end of one path: messages numbered from 1 in each life of the sender (epoch, run), or
// going on where a newer version took its place, kept until the receiver finished them
// (docs/delivery.md). It decides what goes out next; the Courier sends it. Where the sender has an
// outbox (zrun/ledger.h) the numbers go on across lives, and the same number is the same message
// for ever.
//
//   finished < = received <= sent <= last      all counts of sequence numbers
//
// Pure. Bounds: `messages_max`, `bytes_max` of what is not finished; `full` says when.

#include <cstdint>
#include <functional>
#include <vector>

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

  // Messages that are not in the stream yet and count against its bound.
  struct Load {
    std::size_t messages = 0;
    std::uint64_t bytes = 0;
  };

  explicit OutStream(Options options) : options_(options) {}

  bool full(std::size_t bytes) const { return full(bytes, Load()); }
  bool full(std::size_t bytes, Load others) const {
    return past_bound({queue_.size() + others.messages, queued_bytes_ + others.bytes}, bytes);
  }
  // Whether `load` and one more message are past the bound, whatever is finished.
  bool past_bound(Load load, std::size_t bytes) const {
    return load.messages >= options_.messages_max || load.bytes + bytes > options_.bytes_max;
  }
  // Takes the message in and numbers it. There was room when it was admitted (!full(bytes), or an
  // empty queue: one message always fits); an update may have lowered the bound since.
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
  // Goes on with the outbox of a former life: `entries` are the last ones up to number `last`.
  void resume(std::uint64_t stream, std::uint64_t last, std::vector<MessagePtr> entries);
  // The first life of a sender here: numbers begin at 1. `name` (not 0) stands for this numbering:
  // a next life of the sender that takes the stream over goes on with both.
  void begin(std::uint64_t name) { name_ = name; }
  // A next life takes it over. What was sent and not received goes out again.
  void take_over(std::uint64_t epoch, std::uint32_t run);
  // What comes from now on is bound by these; the delivery stays.
  void set_limits(const Options& options) {
    options_.messages_max = options.messages_max;
    options_.bytes_max = options.bytes_max;
  }
  // The sender's life is over: takes out everything that is not finished, oldest first. The next
  // life begins anew.
  void drain(const std::function<void(MessagePtr)>& take);

  std::uint64_t first_unfinished() const { return finished_ + 1; }
  std::uint64_t received() const { return received_; }
  std::uint64_t sent_upto() const { return sent_; }
  std::uint64_t last() const { return last_; }
  std::size_t unfinished() const { return queue_.size(); }
  bool waits_for_receipt() const { return sent_ > received_; }
  bool keeps_until_finished() const { return options_.delivery != model::Delivery::at_most_once; }
  // A repeat is dropped by its number, also by a new life of the receiver: no mark.
  bool is_once() const { return options_.delivery == model::Delivery::once; }
  bool marks_repeats() const { return options_.delivery == model::Delivery::at_least_once; }
  // Which outbox its numbers are stored in; 0: in none.
  std::uint64_t stream() const { return stream_; }
  // What a receiver knows the numbering by.
  std::uint64_t name() const { return stream_ != 0 ? stream_ : name_; }

 private:
  MessagePtr at(std::uint64_t seq) const { return queue_[seq - finished_ - 1]; }
  void mark_repeats(std::uint64_t from);
  // How far an acknowledgement may go: of a stored stream the receiver may have committed what this
  // life has not sent yet.
  std::uint64_t acknowledged_max() const { return stream_ != 0 ? last_ : sent_; }

  Options options_;
  stdx::Ring<MessagePtr> queue_;  // finished_ + 1 .. last_
  std::uint64_t queued_bytes_ = 0;
  std::uint64_t finished_ = 0, received_ = 0, sent_ = 0, last_ = 0;
  std::uint64_t highest_sent_ = 0;  // whatever rewinds: a receiver may have seen it
  std::uint64_t stream_ = 0, name_ = 0;
};

}  // namespace zrun
