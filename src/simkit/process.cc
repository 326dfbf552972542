// SPDX-License-Identifier: Apache-2.0
#include "simkit/process.h"

namespace simkit {

Process::Process(World& world, std::string zhost, std::string name, LogSink sink,
                 const MachineClock* machine)
    : world_(world),
      zhost_(std::move(zhost)),
      name_(std::move(name)),
      sink_(std::move(sink)),
      machine_(machine) {}

Process::~Process() {
  for (auto [timer, event] : timers_) world_.cancel(event);
}

stdx::Instant Process::now() const {
  if (machine_ == nullptr || machine_->rate == 1.0) return world_.now();
  const auto true_ns = static_cast<double>(world_.now().time_since_epoch().count());
  return stdx::Instant(stdx::Duration(static_cast<std::int64_t>(true_ns * machine_->rate)));
}

stdx::WallTime Process::wall() const {
  // A fixed day, so that records do not depend on when the simulation runs.
  constexpr auto start = std::chrono::milliseconds(1'790'000'000'000);
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(
      world_.now().time_since_epoch() +
      (machine_ ? machine_->wall_offset : stdx::Duration::zero()));
  return stdx::WallTime(start + since);
}

void Process::run(std::uint64_t timer, std::string_view kind, ports::Task task) {
  if (paused_) {
    held_.emplace_back(timer, std::move(task));
    return;
  }
  if (timer != 0) timers_.erase(timer);
  // The task may end this process.
  auto& world = world_;
  const auto began = World::cpu_now();
  const std::weak_ptr<int> there = alive_;
  task();
  const auto taken = World::cpu_now() - began;
  if (taken > World::long_task)
    world.note_cpu(there.expired() ? "a process that ended" : zhost_ + "/" + name_, kind, taken);
}

void Process::post(ports::Task task, ports::CallSite) {
  deliver(stdx::Duration::zero(), "post", std::move(task));
}

void Process::deliver(stdx::Duration delay, std::string_view kind, ports::Task task) {
  world_.schedule(delay, kind, [this, kind, alive = alive(), task = std::move(task)]() mutable {
    if (!alive.expired()) run(0, kind, std::move(task));
  });
}

ports::TimerId Process::after(stdx::Duration delay, ports::Task task, ports::CallSite) {
  const auto id = next_timer_++;
  // Never early by its own clock: who then waits for the rest of a nanosecond would wait for ever.
  if (machine_ && machine_->rate != 1.0 && delay > stdx::Duration::zero())
    delay = stdx::Duration(
        static_cast<std::int64_t>(static_cast<double>(delay.count()) / machine_->rate) + 1000);
  timers_[id] = world_.schedule(delay, "timer",
                                [this, alive = alive(), id, task = std::move(task)]() mutable {
                                  if (!alive.expired()) run(id, "timer", std::move(task));
                                });
  return static_cast<ports::TimerId>(id);
}

void Process::cancel(ports::TimerId id) {
  auto node = timers_.extract(static_cast<std::uint64_t>(id));
  if (node.empty()) return;
  world_.cancel(node.mapped());
  std::erase_if(held_, [&](const auto& held) { return held.first == node.key(); });
}

void Process::pause() {
  paused_ = true;
}

void Process::resume() {
  paused_ = false;
  auto held = std::move(held_);
  held_.clear();
  for (auto& [timer, task] : held) {
    if (timer != 0) {
      // Still cancellable until it runs.
      timers_[timer] =
          world_.schedule(stdx::Duration::zero(), "held",
                          [this, alive = alive(), timer = timer, task = std::move(task)]() mutable {
                            if (!alive.expired()) run(timer, "held", std::move(task));
                          });
    } else {
      deliver(stdx::Duration::zero(), "held", std::move(task));
    }
  }
}

std::uint64_t Process::next() {
  return world_.prng().next();
}

void Process::write(ports::Level level, std::string_view event, ports::Fields fields) {
  world_.trace(event);
  if (sink_) sink_(*this, level, event, fields);
}

}  // namespace simkit
