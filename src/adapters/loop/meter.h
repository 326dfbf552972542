// SPDX-License-Identifier: Apache-2.0
#pragma once

// Watches one event loop: how long each task takes (samoza_loop_task_seconds), how late timers fire
// (samoza_loop_lag_seconds), and which task held the loop up.
//
// A task of `stall` or more is counted and, at most once a second, one line "loop_stall" with the
// place that posted it. While a task is still running after `stuck`, a thread of the Meter says so
// ("loop_stuck"), again after each doubling: the process whose loop does not turn can say nothing
// itself before startz ends it (child_hung).
//
// Why startz still asks the loop, and not this thread, whether a service lives: a round of guests
// takes about a millisecond (zrun/scheduler.h), so a loop that does not answer for seconds is stuck
// in the host's own code and must be restarted; an answer of another thread would hide that.
//
// The loop calls begin, name and end; wake-ups: one a second, for the thread.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <source_location>
#include <string>
#include <thread>

#include "ports/clock.h"
#include "ports/log.h"
#include "ports/metrics.h"

namespace adapters::loop {

class Meter {
 public:
  struct Options {
    stdx::Duration stall = std::chrono::milliseconds(20);
    stdx::Duration stuck = std::chrono::seconds(2);
    stdx::Duration look_every = std::chrono::seconds(1);
  };

  Meter(const ports::Clock& clock, ports::Log& log, ports::Metrics& metrics)
      : Meter(clock, log, metrics, Options{}) {}
  Meter(const ports::Clock& clock, ports::Log& log, ports::Metrics& metrics, Options options);
  ~Meter();
  Meter(const Meter&) = delete;

  // A task runs from `now` on.
  void begin(stdx::Instant now, std::source_location name);
  // What runs is this; it begins now where none did.
  void name(std::source_location name);
  // It ended. Gives its end, which is where the next one begins.
  stdx::Instant end();
  // There was none.
  void idle() { since_.store(none, std::memory_order_release); }
  void late_by(stdx::Duration lag) { lag_.observe(lag); }
  bool running() const { return since_.load(std::memory_order_relaxed) != none; }

 private:
  static constexpr std::int64_t none = -1;
  void stalled(stdx::Duration took, stdx::Instant now);
  void watch();

  const ports::Clock& clock_;
  ports::Log& log_;
  Options options_;
  ports::Histogram& tasks_;
  ports::Histogram& lag_;
  ports::Counter& stalls_;
  std::atomic<std::int64_t> since_{none};
  std::atomic<std::source_location> name_{};
  stdx::Instant last_line_{};
  std::uint64_t unsaid_ = 0;  // stalls since the last line
  std::mutex mutex_;
  std::condition_variable stop_asked_;
  bool stop_ = false;
  std::thread thread_;
};

// "zrun/service.cc:80 tick".
std::string name_of(const std::source_location& place);

}  // namespace adapters::loop
