// SPDX-License-Identifier: Apache-2.0
#include "zrun/scheduler.h"

#include <algorithm>
#include <cmath>

namespace zrun {
namespace {

constexpr std::int64_t weight_one = 1024;
constexpr double weight_min = 1.0 / 64, weight_max = 64;
// A round with less than this part of its time left ends: a slice that short would mostly switch.
constexpr int rest_too_short = 8;

}  // namespace

void Schedulable::set_weight(double weight) {
  if (!(weight > 0)) weight = 1;
  weight_ = std::lround(std::clamp(weight, weight_min, weight_max) * weight_one);
}

Scheduler::Scheduler(ports::Runtime& runtime, Options options)
    : runtime_(runtime),
      options_(options),
      timer_(runtime.executor),
      now_(runtime.clock.now()),
      slices_(runtime.metrics.counter("samoza_zrun_slices_total", "Slices of guests that ran")),
      runnable_(runtime.metrics.gauge("samoza_zrun_runnable_spaces",
                                      "Spaces that could run when the last round ended")),
      rounds_(
          runtime.metrics.histogram("samoza_zrun_round_seconds", "Time of one scheduling round")) {}

void Scheduler::make_runnable(Schedulable& space) {
  if (space.queued_) return;
  space.queued_ = true;
  next_.push_back(&space);
  if (&space != current_) note_next(space);  // it is charged first
  request_round();
}

void Scheduler::request_round() {
  if (round_posted_) return;
  round_posted_ = true;
  runtime_.executor.post([this] { run_round(); });
}

void Scheduler::wake_at(Schedulable& space, stdx::Instant at) {
  cancel_wake(space);
  space.wake_ = {at, ++wakes_asked_};
  wakes_[*space.wake_] = &space;
  arm();
}

void Scheduler::cancel_wake(Schedulable& space) {
  if (!space.wake_) return;
  wakes_.erase(*space.wake_);
  space.wake_.reset();
}

void Scheduler::forget(Schedulable& space) {
  cancel_wake(space);
  if (current_ == &space) current_ = nullptr;
  if (!space.queued_) return;
  std::erase(next_, &space);
  for (auto& entry : ready_)
    if (entry.space == &space) entry.space = nullptr;
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
  // A round may be posted already; the timer adds none to it.
  timer_.set(first - runtime_.clock.now(), [this] { request_round(); });
}

void Scheduler::wake_those_due() {
  while (!wakes_.empty() && wakes_.begin()->first.first <= now_) {
    auto& space = *wakes_.begin()->second;
    cancel_wake(space);
    make_runnable(space);
  }
}

void Scheduler::take_next() {
  for (auto* space : next_) {
    // Only now: it was charged for its last slice after it asked for this one.
    space->tag_ = tag_now(*space);
    ready_.push_back({space->tag_, ++queued_so_far_, space});
    std::push_heap(ready_.begin(), ready_.end(), std::greater<>());
  }
  next_.clear();
  lowest_next_ = no_tag;
}

void Scheduler::note_next(const Schedulable& space) {
  lowest_next_ = std::min(lowest_next_, tag_now(space));
}

bool Scheduler::others_come_first() const {
  return lowest_next_ < ready_.front().tag ||
         (!wakes_.empty() && wakes_.begin()->first.first <= now_);
}

stdx::Duration Scheduler::slice_of(stdx::Duration left) const {
  if (!wakes_.empty()) left = std::min(left, wakes_.begin()->first.first - now_);
  return std::max(left, options_.round / rest_too_short);
}

void Scheduler::run_lowest(stdx::Duration at_most) {
  std::pop_heap(ready_.begin(), ready_.end(), std::greater<>());
  const auto entry = ready_.back();
  ready_.pop_back();
  if (entry.space == nullptr) return;
  virtual_now_ = std::max(virtual_now_, entry.tag);
  const auto began = now_;
  auto& space = *entry.space;
  space.queued_ = false;
  current_ = &space;
  space.run_slice(at_most);
  const auto used = (refresh_now() - began).count();
  slices_.add();
  if (std::exchange(current_, nullptr) == nullptr) return;  // destroyed during its slice
  space.used_ += used;
  space.tag_ += used * weight_one / space.weight_;
  if (space.queued_) note_next(space);
}

void Scheduler::run_round() {
  const auto began = refresh_now();
  wake_those_due();
  // What becomes runnable from here on asks for the next round.
  round_posted_ = false;
  take_next();
  bool first = true;
  while (!ready_.empty()) {
    const auto left = options_.round - (now_ - began);
    if (!first && (left < options_.round / rest_too_short || others_come_first())) break;
    run_lowest(slice_of(left));
    first = false;
  }
  if (after_round) after_round();
  rounds_.observe(refresh_now() - began);
  runnable_.set(static_cast<std::int64_t>(ready_.size() + next_.size()));
  if (!ready_.empty()) request_round();
  arm();
}

}  // namespace zrun
