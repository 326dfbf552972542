// SPDX-License-Identifier: Apache-2.0
#pragma once

// One run of the simulator: a cluster, topologies, faults chosen by the seed, then healing. Every
// invariant of the Checker holds all the time; after healing all topologies run within
// settle_bound, and one zrms leads. Same options, same trace hash.

#include <cstdint>
#include <string>

namespace sim {

struct ScenarioOptions {
  std::uint64_t seed = 1;
  std::size_t zhosts = 0;  // 0: 3 to 5, by seed
  int fault_seconds = 45;
  std::size_t spaces = 0;  // of topologies in rings of up to 500, besides those that talk
  bool explain = false;    // print faults and log lines as they come
};

struct ScenarioResult {
  std::string violation;  // empty: every invariant held
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
  std::uint64_t faults = 0;
  std::uint64_t placements = 0;
  std::uint64_t messages = 0;  // taken by guests
  // Tasks that held a loop for more than World::long_task of real CPU time, and the longest.
  std::uint64_t long_tasks = 0;
  std::string longest_task;
};

ScenarioResult run_scenario(const ScenarioOptions& options);

}  // namespace sim
