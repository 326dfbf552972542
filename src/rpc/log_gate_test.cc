// SPDX-License-Identifier: Apache-2.0
#include "rpc/log_gate.h"

#include <gtest/gtest.h>

namespace rpc {
namespace {

using namespace std::chrono_literals;

TEST(LogGateTest, AThousandRefusalsInASecondAreFiveLinesAndTheNextOneSaysHowManyWereHeldBack) {
  LogGate gate;
  stdx::Instant now{100s};
  int lines = 0;
  for (int i = 0; i < 1000; ++i, now += 1ms) lines += gate.pass(now) ? 1 : 0;
  EXPECT_EQ(lines, 5);
  now += LogGate::every;
  EXPECT_EQ(*gate.pass(now), 995u);
  EXPECT_FALSE(gate.pass(now));
  now += 10 * LogGate::every;
  for (lines = 0; gate.pass(now);) ++lines;
  EXPECT_EQ(lines, 5) << "a quiet time earns no more than a burst";
}

}  // namespace
}  // namespace rpc
