// SPDX-License-Identifier: Apache-2.0
#include "startz/refusals.h"

#include <gtest/gtest.h>

#include <set>

namespace startz {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> both{"10.0.0.2", "172.17.0.1"};
constexpr stdx::Instant start{stdx::Duration(1h)};

TEST(RefusalsTest, OneOfSeveralAddressesIsNoEvidenceHoweverOftenItRefuses) {
  Refusals refusals;
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(refusals.refused("z2", both, "172.17.0.1", start + i * 100ms)) << i;
}

TEST(RefusalsTest, WhenEveryAddressRefusedWithinASecondItIsSaidOnce) {
  Refusals refusals;
  EXPECT_FALSE(refusals.refused("z2", both, "172.17.0.1", start));
  EXPECT_TRUE(refusals.refused("z2", both, "10.0.0.2", start + 50ms));
  EXPECT_FALSE(refusals.refused("z2", both, "10.0.0.2", start + 100ms));
  EXPECT_TRUE(refusals.refused("z2", both, "172.17.0.1", start + 150ms));
  EXPECT_FALSE(refusals.refused("z2", both, "172.17.0.1", start + 200ms));
  EXPECT_FALSE(refusals.refused("z2", both, "10.0.0.2", start + 1300ms)) << "the other is too old";
}

TEST(RefusalsTest, AZhostWithOneAddressNeedsOneRefusal) {
  Refusals refusals;
  EXPECT_TRUE(refusals.refused("z2", {"10.0.0.2"}, "10.0.0.2", start));
  EXPECT_FALSE(refusals.refused("z2", {"10.0.0.2"}, "10.0.0.3", start)) << "it is of nobody";
}

TEST(RefusalsTest, ABeatOfTheZhostStartsItAnew) {
  Refusals refusals;
  EXPECT_FALSE(refusals.refused("z2", both, "172.17.0.1", start));
  refusals.heard("z2");
  EXPECT_FALSE(refusals.refused("z2", both, "10.0.0.2", start));
  refusals.set_members(std::set<std::string>{});
  EXPECT_FALSE(refusals.refused("z2", both, "172.17.0.1", start));
}

}  // namespace
}  // namespace startz
