// SPDX-License-Identifier: Apache-2.0
#include "controlplane/join_attempts.h"

#include <gtest/gtest.h>

namespace controlplane {
namespace {

using namespace std::chrono_literals;

TEST(JoinAttemptsTest, EachAddressHasABudgetOfItsOwn) {
  JoinAttempts attempts;
  stdx::Instant now{stdx::Duration(1h)};
  for (std::uint64_t i = 0; i < JoinAttempts::attempts_max; ++i)
    EXPECT_TRUE(attempts.failed("10.0.0.1", now)) << i;
  EXPECT_FALSE(attempts.failed("10.0.0.1", now));
  EXPECT_TRUE(attempts.failed("10.0.0.2", now));
  now += 1s;
  EXPECT_TRUE(attempts.failed("10.0.0.1", now));
  EXPECT_FALSE(attempts.failed("10.0.0.1", now));
}

TEST(JoinAttemptsTest, AFloodFromManyAddressesTakesBoundedMemory) {
  JoinAttempts attempts;
  stdx::Instant now{stdx::Duration(1h)};
  for (std::size_t i = 0; i < JoinAttempts::sources_max; ++i)
    EXPECT_TRUE(attempts.failed(std::to_string(i), now));
  std::size_t told = 0;
  for (std::size_t i = 0; i < 1000; ++i) told += attempts.failed("more " + std::to_string(i), now);
  EXPECT_EQ(told, JoinAttempts::attempts_max);
  EXPECT_EQ(attempts.size(), JoinAttempts::sources_max);
  now += 20s;
  EXPECT_TRUE(attempts.failed("later", now));
  EXPECT_EQ(attempts.size(), 1u) << "the others have their budgets again";
}

}  // namespace
}  // namespace controlplane
