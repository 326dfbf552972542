// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario.h"

#include <gtest/gtest.h>

#include <set>

namespace sim {
namespace {

TEST(ScenarioTest, TheSameSeedGivesTheSameTraceAndAnotherSeedAnother) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 11; seed <= 18; ++seed) {
    const auto first = run_scenario({.seed = seed, .fault_seconds = 15});
    const auto again = run_scenario({.seed = seed, .fault_seconds = 15});
    EXPECT_EQ(first.trace_hash, again.trace_hash) << "seed " << seed;
    EXPECT_EQ(first.events, again.events) << "seed " << seed;
    EXPECT_EQ(first.messages, again.messages) << "seed " << seed;
    EXPECT_GT(first.messages, 20u) << "seed " << seed;
    hashes.insert(first.trace_hash);
  }
  EXPECT_EQ(hashes.size(), 8u);
}

TEST(ScenarioTest, TwentySeedsKeepEveryInvariantAndSettle) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto result = run_scenario({.seed = seed});
    EXPECT_EQ(result.violation, "") << "zsim --seed " << seed << " --explain";
    EXPECT_GT(result.faults, 5u);
  }
}

TEST(ScenarioTest, ALargeWorldKeepsEveryInvariantAndSettles) {
  ScenarioOptions options;
  options.seed = 4;
  options.zhosts = 12;
  options.spaces = 1500;
  options.fault_seconds = 5;
  const auto result = run_scenario(options);
  EXPECT_EQ(result.violation, "");
  // A finding, not a failure: it depends on the machine.
  if (result.long_tasks > 0)
    std::printf("%s tasks above 20 ms; the longest: %s\n",
                std::to_string(result.long_tasks).c_str(), result.longest_task.c_str());
}

}  // namespace
}  // namespace sim
