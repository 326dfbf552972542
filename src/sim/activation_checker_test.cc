// SPDX-License-Identifier: Apache-2.0
#include "sim/activation_checker.h"

#include <gtest/gtest.h>

namespace sim {
namespace {

struct Fixture {
  std::string violation;
  ActivationChecker checker{[this](std::string what) { violation = std::move(what); }};
  const ActivationChecker::Space s{"t", "s"};
};

TEST(ActivationCheckerTest, S1TwoZhostsWithOneEpochAreFound) {
  Fixture f;
  f.checker.began(f.s, 2, "a", 1);
  f.checker.began(f.s, 3, "b", 1);
  EXPECT_EQ(f.violation, "") << "an older copy may live until the newer runs (P8)";
  f.checker.began(f.s, 2, "c", 1);
  EXPECT_NE(f.violation, "");
}

TEST(ActivationCheckerTest, S1WhatEndedIsNotThereAnyMore) {
  Fixture f;
  f.checker.began(f.s, 2, "a", 1);
  f.checker.ended(f.s, 1, "a");
  f.checker.zhost_gone("a");
  f.checker.began(f.s, 2, "b", 1);
  EXPECT_EQ(f.violation, "");
}

TEST(ActivationCheckerTest, P15AnAcceptedSpaceWithNoneOrTwoCopiesIsFound) {
  Fixture f;
  f.checker.accepted("t", {"s"});
  EXPECT_NE(f.checker.missing_or_twice(), "");
  f.checker.began(f.s, 1, "a", 1);
  EXPECT_EQ(f.checker.missing_or_twice(), "");
  f.checker.began(f.s, 2, "b", 1);
  EXPECT_NE(f.checker.missing_or_twice(), "");
  f.checker.ended(f.s, 1, "a");
  f.checker.given_up("t");
  EXPECT_EQ(f.checker.missing_or_twice(), "");
}

TEST(ActivationCheckerTest, P16AnEpochOfTwoVersionsIsFound) {
  Fixture f;
  f.checker.began(f.s, 2, "a", 1);
  f.checker.began(f.s, 2, "a", 1);
  f.checker.began(f.s, 3, "a", 2);
  EXPECT_EQ(f.violation, "");
  f.checker.began(f.s, 3, "a", 1);
  EXPECT_NE(f.violation, "");
}

}  // namespace
}  // namespace sim
