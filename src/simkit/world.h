// SPDX-License-Identifier: Apache-2.0
#pragma once

// Virtual time: one heap of events ordered by (time, order of scheduling), run in one thread. The
// same seed and the same calls give the same run; `trace_hash` covers every event that ran and
// every line that was traced.

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "stdx/prng.h"
#include "stdx/time.h"

namespace simkit {

class World {
 public:
  explicit World(std::uint64_t seed);
  World(const World&) = delete;

  stdx::Instant now() const { return now_; }
  stdx::Prng& prng() { return prng_; }

  // Runs `task` at now + delay; `kind` goes into the trace.
  std::uint64_t schedule(stdx::Duration delay, std::string_view kind,
                         std::move_only_function<void()> task);
  void cancel(std::uint64_t event);

  // Runs the next event; false when there is none.
  bool step();
  // Runs every event up to `until` and sets the clock there.
  void run_until(stdx::Instant until);
  void run_for(stdx::Duration d) { run_until(now_ + d); }
  // Runs until `done` or the time is over; true when done. For tests: waits for the event.
  bool run_until_true(const std::function<bool()>& done, stdx::Duration bound);

  // Called after every event, for invariant checkers.
  std::function<void()> after_event;

  // Tasks that took more than this of real CPU time while they ran: virtual time does not pass in a
  // task, so nothing else shows that a loop was held. They do not steer the run: the trace of a
  // seed is the same on a slow machine.
  static constexpr stdx::Duration long_task = std::chrono::milliseconds(20);
  struct LongTasks {
    std::uint64_t count = 0;
    stdx::Duration longest{};
    std::string where;  // the longest: "z0/zrms frame"
  };
  const LongTasks& long_tasks() const { return long_tasks_; }
  void note_cpu(const std::string& process, std::string_view kind, stdx::Duration taken);
  // CPU time of this thread.
  static stdx::Duration cpu_now();

  void trace(std::string_view text);
  std::uint64_t trace_hash() const { return hash_; }
  std::uint64_t events_run() const { return events_run_; }

 private:
  struct Event {
    stdx::Instant at;
    std::uint64_t id;
    bool operator>(const Event& other) const {
      return std::tie(at, id) > std::tie(other.at, other.id);
    }
  };
  struct Pending {
    std::move_only_function<void()> task;
    std::uint64_t kind_hash;
  };

  stdx::Prng prng_;
  stdx::Instant now_{};
  std::priority_queue<Event, std::vector<Event>, std::greater<>> heap_;
  std::unordered_map<std::uint64_t, Pending> pending_;  // looked up only, never iterated
  std::uint64_t next_id_ = 1;
  std::uint64_t hash_ = 0xcbf29ce484222325ull;
  std::uint64_t events_run_ = 0;
  LongTasks long_tasks_;
};

}  // namespace simkit
