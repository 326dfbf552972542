// SPDX-License-Identifier: Apache-2.0
#include "rpc/log_rate_limiter.h"

#include <gtest/gtest.h>

namespace rpc {
namespace {

using namespace std::chrono_literals;

TEST(LogRateLimiterTest,
     AThousandRefusalsInASecondAreFiveLinesAndTheNextOneSaysHowManyWereHeldBack) {
  LogRateLimiter limiter;
  stdx::Instant now{100s};
  int lines = 0;
  for (int i = 0; i < 1000; ++i, now += 1ms) lines += limiter.pass(now) ? 1 : 0;
  EXPECT_EQ(lines, 5);
  now += LogRateLimiter::every;
  EXPECT_EQ(*limiter.pass(now), 995u);
  EXPECT_FALSE(limiter.pass(now));
  now += 10 * LogRateLimiter::every;
  for (lines = 0; limiter.pass(now);) ++lines;
  EXPECT_EQ(lines, 5) << "a quiet time earns no more than a burst";
}

}  // namespace
}  // namespace rpc
