// SPDX-License-Identifier: Apache-2.0
#pragma once

// Shares one shard's time among its spaces. A round runs spaces that are runnable, each for one
// slice, for at most Options::round; sockets, timers and control messages are served between
// rounds. A space that becomes runnable during a round runs in a later round; the round ends early
// where that space comes before those that are left. A slice ends no later than the next timer.
//
// Order: fair queueing by virtual time. Each space has a tag, which grows by the time it consumed
// divided by its weight (`resources.cpu`); the lowest tag runs first. A space that waited is
// brought up to the current virtual time less `wake_credit`, so it runs ahead of spaces that used
// up their slices, and cannot save up more than that credit: nobody starves.
//
// One shard is one loop; everything here belongs to it.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "ports/runtime.h"

namespace zrun {

class Scheduler;

// What the Scheduler runs.
class Schedulable {
 public:
  virtual ~Schedulable() = default;

 protected:
  // Runs for about `at_most`. To run again it calls make_runnable.
  virtual void run_slice(stdx::Duration at_most) = 0;
  // Shares of the shard's time relative to the others; 1 unless said otherwise.
  void set_weight(double weight);
  // All its slices so far.
  stdx::Duration slices_took() const { return stdx::Duration(used_); }

 private:
  friend class Scheduler;
  bool queued_ = false;
  std::optional<std::pair<stdx::Instant, std::uint64_t>> wake_;
  std::int64_t tag_ = 0;        // virtual nanoseconds
  std::int64_t weight_ = 1024;  // in 1024ths
  std::int64_t used_ = 0;       // nanoseconds
};

class Scheduler {
 public:
  struct Options {
    stdx::Duration round = std::chrono::milliseconds(1);
    stdx::Duration wake_credit = std::chrono::milliseconds(1);
  };

  explicit Scheduler(ports::Runtime& runtime) : Scheduler(runtime, Options{}) {}
  Scheduler(ports::Runtime& runtime, Options options);

  // Queues the space for a later round; once, however often it is called.
  void make_runnable(Schedulable& space);
  // Wakes the space at `at`, instead of at any time set before.
  void wake_at(Schedulable& space, stdx::Instant at);
  void cancel_wake(Schedulable& space);
  // Before a space is destroyed.
  void forget(Schedulable& space);

  // The time of this slice; read from the clock once for each.
  stdx::Instant now() const { return now_; }
  // Reads the clock again, where a slice may have taken long.
  stdx::Instant refresh_now();

  // Called when a round ended.
  std::function<void()> after_round;
  // Asks for a round (and so after_round) although no space is runnable.
  void request_round();

 private:
  static constexpr auto no_tag = std::numeric_limits<std::int64_t>::max();
  using WakeKey = std::pair<stdx::Instant, std::uint64_t>;
  struct Entry {
    std::int64_t tag;
    std::uint64_t order;  // those of one tag run in the order they came
    Schedulable* space;   // null: forgotten
    bool operator>(const Entry& other) const {
      return std::tie(tag, order) > std::tie(other.tag, other.order);
    }
  };

  void run_round();
  void run_lowest(stdx::Duration at_most);
  void wake_those_due();
  void note_next(const Schedulable& space);
  std::int64_t tag_now(const Schedulable& space) const {
    return std::max(space.tag_, virtual_now_ - options_.wake_credit.count());
  }
  bool others_come_first() const;
  stdx::Duration slice_of(stdx::Duration left) const;
  void take_next();
  void arm();

  ports::Runtime& runtime_;
  Options options_;
  std::vector<Entry> ready_;           // a heap, lowest tag first: may run in this round
  std::vector<Schedulable*> next_;     // became runnable since the round began
  std::int64_t lowest_next_ = no_tag;  // tag among these
  Schedulable* current_ = nullptr;
  std::int64_t virtual_now_ = 0;
  std::uint64_t queued_so_far_ = 0;
  // By time; those of one instant in the order they were asked for, never by address, so that a
  // simulated run can be repeated.
  std::map<WakeKey, Schedulable*> wakes_;
  std::uint64_t wakes_asked_ = 0;
  ports::Timer timer_;
  stdx::Instant armed_for_{};
  stdx::Instant now_{};
  bool round_posted_ = false;
  ports::Counter& slices_;
  ports::Gauge& runnable_;
  ports::Histogram& rounds_;
};

}  // namespace zrun
