// SPDX-License-Identifier: Apache-2.0
#pragma once

// Calls `tick` from a thread of its own: each millisecond while it finds a guest running, each 4 ms
// while guests run too shortly to be found, and without any wake-up after 20 ms in which none ran.
// A slice of n ticks so lasts n to n + 3 ms, and a zhost that idles costs nothing. The loop's
// thread calls guest_runs and guest_rests; the tick must be safe on the other thread.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace adapters::wasmtime {

class Ticker {
 public:
  explicit Ticker(std::function<void()> tick);
  ~Ticker();

  // Around each resume of a guest; relaxed atomics only when the ticker is awake.
  void guest_runs() {
    inside_.store(true, std::memory_order_relaxed);
    used_.store(true, std::memory_order_relaxed);
    if (asleep_.load(std::memory_order_acquire)) wake();
  }
  void guest_rests() { inside_.store(false, std::memory_order_relaxed); }

 private:
  void wake();
  void run();

  std::function<void()> tick_;
  std::atomic<bool> inside_{false};  // a guest runs now
  std::atomic<bool> used_{false};    // one ran since the last tick
  std::atomic<bool> asleep_{false};
  std::mutex mutex_;
  std::condition_variable condition_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace adapters::wasmtime
