// SPDX-License-Identifier: Apache-2.0
#pragma once

// Runs the spaces of one shard in turn: a queue of those that can go on, and a timer for those that
// wait for a time. A batch is bounded, so that sockets and control messages are served between
// batches however busy the guests are; each space runs at most one slice in its turn.
//
// One shard is one loop; everything here belongs to it.

#include <cstdint>
#include <functional>
#include <map>

#include "ports/runtime.h"
#include "stdx/ring.h"

namespace zrun {

class Space;

class Scheduler {
 public:
  using WakeKey = std::pair<stdx::Instant, std::uint64_t>;

  static constexpr int turns_per_batch = 256;

  explicit Scheduler(ports::Runtime& runtime);

  // Puts the space at the end of the queue; once, however often it is called.
  void make_runnable(Space& space);
  // Wakes the space at `at`, instead of at any time set before.
  void wake_at(Space& space, stdx::Instant at);
  void cancel_wake(Space& space);
  // Before a space is destroyed.
  void forget(Space& space);

  // The time of this batch; read from the clock once for each.
  stdx::Instant now() const { return now_; }
  // Reads the clock again, where a turn may have taken long.
  stdx::Instant refresh_now();

  // Called when a batch ended.
  std::function<void()> after_batch;
  // Asks for a batch (and so after_batch) although no space is runnable.
  void request_batch();

 private:
  void run_batch();
  void arm();

  ports::Runtime& runtime_;
  stdx::Ring<Space*> queue_;
  // By time; those of one instant in the order they were asked for, never by address, so that a
  // simulated run can be repeated.
  std::map<WakeKey, Space*> wakes_;
  std::uint64_t wakes_asked_ = 0;
  ports::Timer timer_;
  stdx::Instant armed_for_{};
  stdx::Instant now_{};
  bool batch_posted_ = false;
};

}  // namespace zrun
