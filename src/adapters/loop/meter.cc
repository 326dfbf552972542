// SPDX-License-Identifier: Apache-2.0
#include "adapters/loop/meter.h"

#include "stdx/text.h"

namespace adapters::loop {
namespace {

constexpr stdx::Duration line_every = std::chrono::seconds(1);

}  // namespace

std::string name_of(const std::source_location& place) {
  std::string_view file = place.file_name();
  if (const auto src = file.rfind("src/"); src != std::string_view::npos)
    file.remove_prefix(src + 4);
  // "void zrun::Service::tick()" as GCC writes it: the arguments are of no use.
  std::string_view function = place.function_name();
  function = function.substr(0, function.find('('));
  if (const auto space = function.rfind(' '); space != std::string_view::npos)
    function.remove_prefix(space + 1);
  return stdx::format("{}:{} {}", file, place.line(), function);
}

Meter::Meter(const ports::Clock& clock, ports::Log& log, ports::Metrics& metrics, Options options)
    : clock_(clock),
      log_(log),
      options_(options),
      tasks_(metrics.histogram("samoza_loop_task_seconds",
                               "Time that a task held the service's event loop")),
      lag_(metrics.histogram("samoza_loop_lag_seconds",
                             "How much later than asked timers of the event loop fired")),
      stalls_(metrics.counter("samoza_loop_stalls_total",
                              "Tasks that held the event loop for 20 ms or longer")),
      thread_([this] { watch(); }) {}

Meter::~Meter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_asked_.notify_one();
  thread_.join();
}

void Meter::begin(stdx::Instant now, std::source_location name) {
  name_.store(name, std::memory_order_relaxed);
  since_.store(now.time_since_epoch().count(), std::memory_order_release);
}

void Meter::name(std::source_location name) {
  if (!running()) return begin(clock_.now(), name);
  name_.store(name, std::memory_order_relaxed);
}

stdx::Instant Meter::end() {
  const auto now = clock_.now();
  const auto since = since_.load(std::memory_order_relaxed);
  if (since == none) return now;
  const auto took = now.time_since_epoch() - stdx::Duration(since);
  tasks_.observe(took);
  if (took >= options_.stall) stalled(took, now);
  since_.store(none, std::memory_order_release);
  return now;
}

void Meter::stalled(stdx::Duration took, stdx::Instant now) {
  stalls_.add();
  if (last_line_ != stdx::Instant{} && now - last_line_ < line_every) {
    ++unsaid_;
    return;
  }
  last_line_ = now;
  log_.warn("loop_stall", {{"task", name_of(name_.load(std::memory_order_relaxed))},
                           {"ms", stdx::to_ms(took)},
                           {"others", std::exchange(unsaid_, 0)}});
}

void Meter::watch() {
  std::int64_t said_of = none;  // the task, by its begin
  stdx::Duration said_at{};
  std::unique_lock lock(mutex_);
  while (!stop_asked_.wait_for(lock, options_.look_every, [&] { return stop_; })) {
    const auto since = since_.load(std::memory_order_acquire);
    if (since == none) continue;
    const auto lasts = clock_.now().time_since_epoch() - stdx::Duration(since);
    if (lasts < options_.stuck || (since == said_of && lasts < 2 * said_at)) continue;
    const auto name = name_.load(std::memory_order_relaxed);
    if (since_.load(std::memory_order_acquire) != since) continue;
    said_of = since;
    said_at = lasts;
    log_.error("loop_stuck", {{"task", name_of(name)}, {"ms", stdx::to_ms(lasts)}});
  }
}

}  // namespace adapters::loop
