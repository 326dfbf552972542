// SPDX-License-Identifier: Apache-2.0
#pragma once

// The event loop of a service: runs one task at a time, in order. A service is called only from
// its own executor, so it needs no lock. `post` may be called from any thread; `after` and `cancel`
// only from the loop itself.

#include <cstdint>
#include <functional>

#include "stdx/time.h"

namespace ports {

using Task = std::move_only_function<void()>;

enum class TimerId : std::uint64_t { none = 0 };

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `task` later on the loop, after everything posted before it.
  virtual void post(Task task) = 0;

  // Runs `task` once, no sooner than `delay` from now. A delay of zero or less is a post.
  virtual TimerId after(stdx::Duration delay, Task task) = 0;

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

  void set(stdx::Duration delay, Task task) {
    cancel();
    id_ = executor_.after(delay, [this, task = std::move(task)]() mutable {
      id_ = TimerId::none;
      // Moved out first: the task may set this very timer again.
      auto run = std::move(task);
      run();
    });
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
