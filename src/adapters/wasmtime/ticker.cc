// SPDX-License-Identifier: Apache-2.0
#include "adapters/wasmtime/ticker.h"

#include <chrono>

namespace adapters::wasmtime {
namespace {
using namespace std::chrono_literals;
constexpr auto busy_period = 1ms;
constexpr auto light_period = 4ms;
constexpr int idle_ticks_max = 5;  // light ones
}  // namespace

Ticker::Ticker(std::function<void()> tick) : tick_(std::move(tick)), thread_([this] { run(); }) {}

Ticker::~Ticker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  condition_.notify_one();
  thread_.join();
}

void Ticker::wake() {
  {
    const std::lock_guard lock(mutex_);
    asleep_.store(false, std::memory_order_release);
  }
  condition_.notify_one();
}

void Ticker::run() {
  int idle = 0;
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (idle < idle_ticks_max) {
      const bool busy = inside_.load(std::memory_order_relaxed);
      condition_.wait_for(lock, busy ? busy_period : light_period);
      tick_();
      idle = used_.exchange(false, std::memory_order_relaxed) ? 0 : idle + 1;
      continue;
    }
    asleep_.store(true, std::memory_order_release);
    // A guest that started before it saw `asleep_` left its mark in `used_`.
    while (!stop_ && asleep_.load(std::memory_order_relaxed) &&
           !used_.load(std::memory_order_relaxed))
      condition_.wait(lock);
    asleep_.store(false, std::memory_order_release);
    idle = 0;
  }
}

}  // namespace adapters::wasmtime
