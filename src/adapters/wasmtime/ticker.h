// SPDX-License-Identifier: Apache-2.0
#pragma once

// Calls `tick` each millisecond while guests run, from a thread of its own, and sleeps without any
// wake-up while none does: an idle zhost costs nothing.

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

  // Before a guest is resumed; two relaxed atomics when the ticker is awake.
  void guest_runs() {
    used_.store(true, std::memory_order_relaxed);
    if (asleep_.load(std::memory_order_acquire)) wake();
  }

 private:
  void wake();
  void run();

  std::function<void()> tick_;
  std::atomic<bool> used_{false};
  std::atomic<bool> asleep_{false};
  std::mutex mutex_;
  std::condition_variable condition_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace adapters::wasmtime
