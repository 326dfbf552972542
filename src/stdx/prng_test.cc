// SPDX-License-Identifier: Apache-2.0
#include "stdx/prng.h"

#include <gtest/gtest.h>

namespace stdx {
namespace {

TEST(PrngTest, TheSameSeedGivesTheSameStreamAndNearSeedsDoNot) {
  Prng a(5), b(5), c(6);
  int equal = 0;
  for (int i = 0; i < 100; ++i) {
    const auto x = a.next();
    EXPECT_EQ(x, b.next());
    equal += x == c.next();
  }
  EXPECT_EQ(equal, 0);
}

TEST(PrngTest, RangesAreHitWithinTheirBoundsAndWhole) {
  Prng prng(3);
  bool low = false, high = false;
  for (int i = 0; i < 1000; ++i) {
    const auto n = prng.between(-2, 2);
    ASSERT_GE(n, -2);
    ASSERT_LE(n, 2);
    low |= n == -2;
    high |= n == 2;
  }
  EXPECT_TRUE(low && high);
}

}  // namespace
}  // namespace stdx
