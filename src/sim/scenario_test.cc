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
    EXPECT_GT(result.faults, 10u);
  }
}

}  // namespace
}  // namespace sim
