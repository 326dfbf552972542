// SPDX-License-Identifier: Apache-2.0
#include "stdx/result.h"

#include <gtest/gtest.h>

namespace stdx {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(Code::invalid, "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  TRY_ASSIGN(const int once, half(n));
  TRY(half(once));
  return half(once);
}

TEST(ResultTest, TryPassesTheValueOnAndLeavesWithTheFirstError) {
  EXPECT_EQ(quarter(8), 2);
  EXPECT_EQ(quarter(6).error().message, "odd");
  EXPECT_EQ(quarter(3).error().code, Code::invalid);
}

TEST(ResultTest, EveryCodeHasAName) {
  for (int code = 1; code <= 13; ++code)
    EXPECT_NE(std::string(to_string(static_cast<Code>(code))), "");
  EXPECT_STREQ(to_string(Code::stale), "stale");
}

}  // namespace
}  // namespace stdx
