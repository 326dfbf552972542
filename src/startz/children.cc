// SPDX-License-Identifier: Apache-2.0
#include "startz/children.h"

#include <algorithm>
#include <utility>

#include "stdx/text.h"

namespace startz {
namespace {

// For a person: "out of memory: limit 512 MiB", "signal 9 (killed)", "exit code 3".
std::string why_of(const ports::ProcessExit& exit) {
  if (!exit.cause.empty()) return exit.cause;
  const char* name = exit.signal == 6    ? " (aborted)"
                     : exit.signal == 7  ? " (bus error)"
                     : exit.signal == 9  ? " (killed)"
                     : exit.signal == 11 ? " (segmentation fault)"
                     : exit.signal == 15 ? " (terminated)"
                                         : "";
  if (exit.signal != 0) return stdx::format("signal {}{}", exit.signal, name);
  return stdx::format("exit code {}", exit.code);
}

}  // namespace

Children::Children(ports::Runtime& runtime, ports::Processes& processes, Options options)
    : runtime_(runtime),
      processes_(processes),
      options_(std::move(options)),
      restarts_(runtime.metrics.counter("samoza_startz_restarts_total",
                                        "Children started again after they ended")) {
  children_.resize(options_.specs.size());
  for (std::size_t i = 0; i < children_.size(); ++i) {
    children_[i].spec = options_.specs[i];
    children_[i].back_off = options_.restart_min;
    children_[i].timer = std::make_unique<ports::Timer>(runtime.executor);
  }
}

void Children::start() {
  auto delay = stdx::Duration::zero();
  for (auto& child : children_) {
    child.timer->set(delay, [this, &child] { spawn(child); });
    delay += options_.start_gap;
  }
}

void Children::spawn(Child& child) {
  ++child.starts;
  if (child.starts > 1) restarts_.add();
  child.since = runtime_.clock.now();
  auto id =
      processes_.spawn(child.spec, [this, &child](ports::ProcessExit exit) { ended(child, exit); });
  if (!id) {
    runtime_.log.error("child_not_started",
                       {{"child", child.spec.name}, {"why", id.error().message}});
    child.timer->set(child.back_off, [this, &child] { spawn(child); });
    child.back_off = std::min(child.back_off * 2, options_.restart_max);
    return;
  }
  child.process = *id;
  runtime_.log.info("child_started", {{"child", child.spec.name}, {"starts", child.starts}});
  if (on_started) on_started(child);
}

void Children::ended(Child& child, ports::ProcessExit exit) {
  const auto now = runtime_.clock.now();
  if (now - child.since >= options_.healthy_after) child.back_off = options_.restart_min;
  child.cause = why_of(exit);
  child.process = ports::ProcessId::none;
  child.since = now;
  const bool in_order = stopping_ && exit.code == 0 && exit.signal == 0;
  runtime_.log.write(in_order ? ports::Level::info : ports::Level::warn, "child_ended",
                     {{"child", child.spec.name},
                      {"code", exit.code},
                      {"signal", exit.signal},
                      {"cause", exit.cause},
                      {"stopping", stopping_}});
  if (on_exit) on_exit(child, exit);
  if (stopping_) return stop_next();
  const auto jitter = static_cast<std::int64_t>(
      runtime_.random.next() % (static_cast<std::uint64_t>(child.back_off.count()) / 2 + 1));
  child.timer->set(child.back_off / 2 + stdx::Duration(jitter), [this, &child] { spawn(child); });
  child.back_off = std::min(child.back_off * 2, options_.restart_max);
}

void Children::kill(const std::string& name) {
  for (auto& child : children_)
    if (child.spec.name == name && child.alive()) processes_.kill(child.process);
}

void Children::stop(std::function<void()> done) {
  stopped_ = std::move(done);
  if (std::exchange(stopping_, true)) return;
  for (auto& child : children_) child.timer->cancel();
  stop_next();
}

void Children::stop_next() {
  for (auto child = children_.rbegin(); child != children_.rend(); ++child) {
    if (!child->alive()) continue;
    if (!child->timer->pending()) stop_harder(*child);
    return;
  }
  for (auto& child : children_) child.timer->cancel();
  if (auto done = std::move(stopped_)) done();
}

void Children::stop_harder(Child& child) {
  if (!child.alive()) return;
  const int step = child.stop_steps++;
  if (step == 0 && ask_to_stop) ask_to_stop(child.spec.name);
  if (step == 1) processes_.terminate(child.process);
  if (step >= 2) processes_.kill(child.process);
  stop_harder_after(child, options_.stop_step);
}

void Children::stop_harder_after(Child& child, stdx::Duration wait) {
  child.timer->set(wait, [this, &child] { stop_harder(child); });
}

void Children::grant_time(const std::string& name, stdx::Duration needed) {
  for (auto& child : children_)
    if (stopping_ && child.spec.name == name && child.stop_steps == 1)
      stop_harder_after(child, needed + options_.stop_step);
}

const Children::Child* Children::find(const std::string& name) const {
  for (const auto& child : children_)
    if (child.spec.name == name) return &child;
  return nullptr;
}

}  // namespace startz
