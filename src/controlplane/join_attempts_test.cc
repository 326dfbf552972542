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

TEST(JoinAttemptsTest, AnIpv6NetworkCountsAsOneAddress) {
  for (const auto& [source, network] : {std::pair<const char*, const char*>{"10.0.0.1", "10.0.0.1"},
                                        {"fd00:1:2:3:4:5:6:7", "fd00:1:2:3::/64"},
                                        {"fd00:1:2:3::7", "fd00:1:2:3::/64"},
                                        {"fd00::7", "fd00:0:0:0::/64"},
                                        {"::1", "0:0:0:0::/64"},
                                        {"fd00:1::", "fd00:1:0:0::/64"},
                                        {"a:b", "a:b"},
                                        {"", ""}})
    EXPECT_EQ(JoinAttempts::network_of(source), network) << source;
  JoinAttempts attempts;
  for (std::uint64_t i = 0; i < JoinAttempts::attempts_max; ++i)
    EXPECT_TRUE(attempts.failed("fd00::" + std::to_string(i), stdx::Instant{}));
  EXPECT_FALSE(attempts.failed("fd00::9999", stdx::Instant{}));
  EXPECT_TRUE(attempts.failed("fd00:0:0:1::1", stdx::Instant{}));
  EXPECT_EQ(attempts.size(), 2u);
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
