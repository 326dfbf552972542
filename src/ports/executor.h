// SPDX-License-Identifier: Apache-2.0
#pragma once

// The event loop of a service: runs one task at a time, in order. A service is called only from
// its own executor, so it needs no lock. `post` may be called from any thread; `after` and `cancel`
// only from the loop itself. A task is known by the place that asked for it: a loop names it where
// the task holds the loop up.

#include <cstdint>
#include <functional>
#include <source_location>

#include "stdx/time.h"

namespace ports {

using Task = std::move_only_function<void()>;

using CallSite = std::source_location;

enum class TimerId : std::uint64_t { none = 0 };

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `task` later on the loop, after everything posted before it.
  virtual void post(Task task, CallSite from = CallSite::current()) = 0;

  // Runs `task` once, no sooner than `delay` from now. A delay of zero or less is a post.
  virtual TimerId after(stdx::Duration delay, Task task, CallSite from = CallSite::current()) = 0;

  // The task of `id` will not run any more. An id that ran, was cancelled or is `none`: no effect.
  virtual void cancel(TimerId id) = 0;
};

// A timer owned by its object: re-arming or destroying it cancels what was set before, so a task
// that captures the object's `this` never outlives it.
class Timer {
 public:
  explicit Timer(Executor& executor) : executor_(executor) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void set(stdx::Duration delay, Task task, CallSite from = CallSite::current()) {
    cancel();
    id_ = executor_.after(
        delay,
        [this, task = std::move(task)]() mutable {
          id_ = TimerId::none;
          // Moved out first: the task may set this very timer again.
          auto run = std::move(task);
          run();
        },
        from);
  }
  void cancel() {
    if (id_ != TimerId::none) executor_.cancel(id_);
    id_ = TimerId::none;
  }
  bool pending() const { return id_ != TimerId::none; }

 private:
  Executor& executor_;
  TimerId id_ = TimerId::none;
};

}  // namespace ports
