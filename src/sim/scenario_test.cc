// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario.h"

#include <gtest/gtest.h>

namespace sim {
namespace {

TEST(ScenarioTest, TheSameSeedGivesTheSameTraceAndAnotherSeedAnother) {
  const auto first = run_scenario({.seed = 11, .fault_seconds = 15});
  const auto again = run_scenario({.seed = 11, .fault_seconds = 15});
  const auto other = run_scenario({.seed = 12, .fault_seconds = 15});
  EXPECT_EQ(first.trace_hash, again.trace_hash);
  EXPECT_EQ(first.events, again.events);
  EXPECT_NE(first.trace_hash, other.trace_hash);
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
