// SPDX-License-Identifier: Apache-2.0
#include "sim/outside_checker.h"

#include <gtest/gtest.h>

namespace sim {
namespace {

struct Fixture {
  std::string violation;
  OutsideChecker checker{[this](std::string what) { violation = std::move(what); }};
  Placement self{"t", "desk", 1, 1};
};

TEST(OutsideCheckerTest, AnAnswerHeardTwiceAndARepeatAfterAFailureAreGood) {
  Fixture f;
  f.checker.took(f.self, "a", false);
  f.checker.took(f.self, "a", true);
  f.checker.answers(f.self, "a", "yes 1");
  f.checker.heard("a", "yes 1");
  f.checker.heard("a", "yes 1");
  EXPECT_EQ(f.violation, "");
}

TEST(OutsideCheckerTest, AMessageTakenTwiceAsNewIsFound) {
  Fixture f;
  f.checker.took(f.self, "a", false);
  f.checker.took(f.self, "a", false);
  EXPECT_NE(f.violation.find("second time"), std::string::npos);
}

TEST(OutsideCheckerTest, TwoAnswersToOneIdOfOneInstanceAreFound) {
  Fixture f;
  f.checker.answers(f.self, "a", "yes 1");
  f.checker.answers(f.self, "a", "yes 2");
  f.checker.heard("a", "yes 1");
  f.checker.heard("a", "yes 2");
  EXPECT_NE(f.violation.find("of one instance"), std::string::npos);
}

TEST(OutsideCheckerTest, AnAnswerToAnotherMessageIsFound) {
  Fixture f;
  f.checker.answers(f.self, "a", "yes 1");
  f.checker.heard("b", "yes 1");
  EXPECT_NE(f.violation.find("no answer to it"), std::string::npos);
}

}  // namespace
}  // namespace sim
