// SPDX-License-Identifier: Apache-2.0
#pragma once

// Calls `tick` from a thread of its own when a guest's slice is over, and again each 250 us while
// that guest still runs. The loop's thread calls guest_runs and guest_rests; the tick must be safe
// on the other thread.
//
// The thread sleeps on a timerfd. It is set only where no earlier expiry is pending, so many short
// calls cost one expiry per slice, and a zhost without running guests none. No wake-up can be lost:
// the loop stores the end of the slice and then reads whether the timer is set, the thread marks
// the timer as not set and then reads the end of the slice, all sequentially consistent. As a
// second line of defence the thread looks once a second by itself.

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <thread>

#include "stdx/time.h"

namespace adapters::wasmtime {

class SliceTimer {
 public:
  explicit SliceTimer(std::function<void()> tick);
  ~SliceTimer();
  SliceTimer(const SliceTimer&) = delete;

  // Around each resume of a guest.
  void guest_runs(stdx::Duration at_most) {
    const auto end = now_ns() + at_most.count();
    slice_end_.store(end);
    if (set_for_.load() > end + slack_ns) set_timer(end);
  }
  void guest_rests() { slice_end_.store(none, std::memory_order_release); }

  // Expiries so far: what the interruption of guests costs.
  std::uint64_t wake_ups() const { return wake_ups_.load(std::memory_order_relaxed); }
  // Slices that were found over although no expiry said so; there should never be one.
  std::uint64_t rescues() const { return rescues_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::int64_t none = std::numeric_limits<std::int64_t>::max() / 2;
  static constexpr std::int64_t slack_ns = 100'000;

  static std::int64_t now_ns();
  void set_timer(std::int64_t at_ns);
  void run();

  std::function<void()> tick_;
  std::atomic<std::int64_t> slice_end_{none};  // of the guest that runs now
  std::atomic<std::int64_t> set_for_{none};    // the pending expiry
  std::atomic<std::uint64_t> wake_ups_{0}, rescues_{0};
  std::atomic<bool> stop_{false};
  int timer_;
  std::thread thread_;
};

}  // namespace adapters::wasmtime
