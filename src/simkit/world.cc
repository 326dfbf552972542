// SPDX-License-Identifier: Apache-2.0
#include "simkit/world.h"

#include <time.h>

#include <algorithm>

namespace simkit {
namespace {

std::uint64_t fnv(std::uint64_t hash, std::string_view bytes) {
  for (unsigned char c : bytes) hash = (hash ^ c) * 0x100000001b3ull;
  return hash;
}
std::uint64_t fnv(std::uint64_t hash, std::uint64_t number) {
  for (int i = 0; i < 8; ++i) hash = (hash ^ (number >> (8 * i) & 0xff)) * 0x100000001b3ull;
  return hash;
}

}  // namespace

World::World(std::uint64_t seed) : prng_(seed) {}

std::uint64_t World::schedule(stdx::Duration delay, std::string_view kind,
                              std::move_only_function<void()> task) {
  const auto id = next_id_++;
  pending_.emplace(id, Pending{std::move(task), fnv(0xcbf29ce484222325ull, kind)});
  heap_.push({now_ + std::max(delay, stdx::Duration::zero()), id});
  return id;
}

void World::cancel(std::uint64_t event) {
  pending_.erase(event);
}

bool World::step() {
  while (!heap_.empty()) {
    const Event event = heap_.top();
    heap_.pop();
    auto node = pending_.extract(event.id);
    if (node.empty()) continue;  // cancelled
    now_ = std::max(now_, event.at);
    ++events_run_;
    hash_ = fnv(fnv(hash_, static_cast<std::uint64_t>(now_.time_since_epoch().count())),
                node.mapped().kind_hash);
    node.mapped().task();
    if (after_event) after_event();
    return true;
  }
  return false;
}

void World::run_until(stdx::Instant until) {
  while (!heap_.empty()) {
    if (!pending_.contains(heap_.top().id)) {
      heap_.pop();
      continue;
    }
    if (heap_.top().at > until) break;
    step();
  }
  now_ = std::max(now_, until);
}

bool World::run_until_true(const std::function<bool()>& done, stdx::Duration bound) {
  const auto end = now_ + bound;
  while (!done()) {
    while (!heap_.empty() && !pending_.contains(heap_.top().id)) heap_.pop();
    if (heap_.empty() || heap_.top().at > end) {
      now_ = std::max(now_, end);
      return done();
    }
    step();
  }
  return true;
}

void World::note_cpu(const std::string& process, std::string_view kind, stdx::Duration taken) {
  if (taken <= long_task) return;
  ++long_tasks_.count;
  if (taken <= long_tasks_.longest) return;
  long_tasks_.longest = taken;
  long_tasks_.where = process + " " + std::string(kind);
}

stdx::Duration World::cpu_now() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

void World::trace(std::string_view text) {
  hash_ = fnv(hash_, text);
}

}  // namespace simkit
