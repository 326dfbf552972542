// SPDX-License-Identifier: Apache-2.0
#include "sim/register_checker.h"

#include <gtest/gtest.h>

namespace sim {
namespace {

struct Fixture {
  std::string violation;
  RegisterChecker checker{[this](std::string what) { violation = std::move(what); }};
  static PlacementSeen at(const char* zhost, std::uint64_t epoch) {
    return {"t", "worker", zhost, epoch};
  }
};

TEST(RegisterCheckerTest, S5AReadThatBeganBeforeTheWriteWasOverMayGiveEither) {
  Fixture f;
  f.checker.written(Fixture::at("a", 1));
  const auto first = f.checker.begin(), second = f.checker.begin();
  f.checker.written(Fixture::at("b", 2));
  f.checker.answered(first, {Fixture::at("a", 1)});
  f.checker.answered(second, {Fixture::at("b", 2)});
  EXPECT_EQ(f.violation, "");
  EXPECT_EQ(f.checker.reads(), 2u);
}

TEST(RegisterCheckerTest, S5AReadOfALeaderThatWasReplacedIsFound) {
  Fixture f;
  f.checker.written(Fixture::at("a", 1));
  f.checker.written(Fixture::at("b", 2));
  f.checker.answered(f.checker.begin(), {Fixture::at("a", 1)});
  EXPECT_EQ(f.violation, "S5: a read gave epoch 1 of worker, though 2 was known before it began");
}

TEST(RegisterCheckerTest, S5WhatOneReadHasShownNoLaterOneTakesBack) {
  Fixture f;
  // Nobody said that the write was over; the first read has shown it.
  f.checker.answered(f.checker.begin(), {Fixture::at("b", 2)});
  const auto late = f.checker.begin();
  f.checker.answered(late, {Fixture::at("a", 1)});
  EXPECT_NE(f.violation, "");
}

TEST(RegisterCheckerTest, S5AnEpochNamesOneZhostToAll) {
  Fixture f;
  f.checker.written(Fixture::at("a", 1));
  f.checker.answered(f.checker.begin(), {Fixture::at("b", 1)});
  EXPECT_NE(f.violation, "");
}

}  // namespace
}  // namespace sim
