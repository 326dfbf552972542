// SPDX-License-Identifier: Apache-2.0
#include "adapters/wasmtime/slice_timer.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "stdx/assert.h"

namespace adapters::wasmtime {
namespace {

constexpr std::int64_t repeat_ns = 250'000;
constexpr int look_anyway_ms = 1000;

// struct sched_attr of the kernel, whose header cannot stand beside <sched.h>.
struct SchedulingRequest {
  std::uint32_t size, policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime, deadline, period;
};

// The thread runs for a microsecond, and should do so when it is due although the cores are busy.
// Kernels that know no such request ignore it.
void ask_for_short_latency() {
  SchedulingRequest attributes{};
  attributes.size = sizeof attributes;
  attributes.runtime = 100'000;
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace

SliceTimer::SliceTimer(std::function<void()> tick)
    : tick_(std::move(tick)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      thread_([this] { run(); }) {
  ASSERT(timer_ >= 0, "a process has a descriptor left at its start");
}

SliceTimer::~SliceTimer() {
  stop_.store(true);
  set_timer(now_ns());
  thread_.join();
  close(timer_);
}

std::int64_t SliceTimer::now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000ll + t.tv_nsec;
}

void SliceTimer::set_timer(std::int64_t at_ns) {
  set_for_.store(at_ns);
  itimerspec when{};
  when.it_value.tv_sec = at_ns / 1'000'000'000;
  when.it_value.tv_nsec = at_ns % 1'000'000'000;
  timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
}

void SliceTimer::run() {
  ask_for_short_latency();
  pollfd waits_for{timer_, POLLIN, 0};
  while (!stop_.load()) {
    const bool looks_anyway = poll(&waits_for, 1, look_anyway_ms) == 0;
    std::uint64_t expiries = 0;
    // Unread it would be ready again at once; whether there was one does not matter.
    [[maybe_unused]] const auto n = read(timer_, &expiries, sizeof expiries);
    wake_ups_.fetch_add(1, std::memory_order_relaxed);
    set_for_.store(none);
    const auto end = slice_end_.load();
    if (end == none) continue;
    const auto now = now_ns();
    if (looks_anyway && now >= end) rescues_.fetch_add(1, std::memory_order_relaxed);
    if (now >= end) tick_();
    set_timer(std::max(end, now + repeat_ns));
  }
}

}  // namespace adapters::wasmtime
