// SPDX-License-Identifier: Apache-2.0
#include "zrun/scheduler.h"

#include "zrun/space.h"

namespace zrun {

Scheduler::Scheduler(ports::Runtime& runtime)
    : runtime_(runtime), timer_(runtime.executor), now_(runtime.clock.now()) {}

void Scheduler::make_runnable(Space& space) {
  if (space.schedule_.queued) return;
  space.schedule_.queued = true;
  queue_.push_back(&space);
  request_batch();
}

void Scheduler::request_batch() {
  if (batch_posted_) return;
  batch_posted_ = true;
  runtime_.executor.post([this] { run_batch(); });
}

void Scheduler::wake_at(Space& space, stdx::Instant at) {
  cancel_wake(space);
  space.schedule_.wake = {at, ++wakes_asked_};
  wakes_[*space.schedule_.wake] = &space;
  arm();
}

void Scheduler::cancel_wake(Space& space) {
  if (!space.schedule_.wake) return;
  wakes_.erase(*space.schedule_.wake);
  space.schedule_.wake.reset();
}

void Scheduler::forget(Space& space) {
  cancel_wake(space);
  if (!space.schedule_.queued) return;
  for (std::size_t i = 0; i < queue_.size(); ++i)
    if (queue_[i] == &space) queue_[i] = nullptr;
}

stdx::Instant Scheduler::refresh_now() {
  now_ = runtime_.clock.now();
  return now_;
}

void Scheduler::arm() {
  if (wakes_.empty()) return;
  const auto first = wakes_.begin()->first.first;
  if (timer_.pending() && armed_for_ <= first) return;
  armed_for_ = first;
  timer_.set(first - runtime_.clock.now(), [this] {
    batch_posted_ = true;
    run_batch();
  });
}

void Scheduler::run_batch() {
  batch_posted_ = false;
  refresh_now();
  while (!wakes_.empty() && wakes_.begin()->first.first <= now_) {
    auto& space = *wakes_.begin()->second;
    cancel_wake(space);
    make_runnable(space);
  }
  // What becomes runnable in this batch runs in the next one at the earliest when it is long.
  for (int turns = 0; turns < turns_per_batch && !queue_.empty(); ++turns) {
    auto* space = queue_.pop_front();
    if (space == nullptr) continue;
    space->schedule_.queued = false;
    space->take_turn();
  }
  if (after_batch) after_batch();
  if (!queue_.empty()) request_batch();
  arm();
}

}  // namespace zrun
