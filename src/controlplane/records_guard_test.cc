// SPDX-License-Identifier: Apache-2.0
#include "controlplane/records_guard.h"

#include <gtest/gtest.h>

namespace controlplane {
namespace {

using namespace std::chrono_literals;
using Opening = RecordsGuard::Opening;
using Phase = RecordsGuard::Phase;
constexpr stdx::Instant t0{};

v1::RecordsKnown known(const std::string& lineage, std::uint64_t counter, std::uint64_t term = 1) {
  v1::RecordsKnown k;
  k.set_lineage(lineage);
  k.set_counter(counter);
  k.set_term(term);
  return k;
}

v1::LineageRecord lineage(const std::string& id) {
  v1::LineageRecord record;
  record.set_id(id);
  return record;
}

struct Fixture {
  RecordsGuard guard{t0};
  RecordsGuard::Members members{.all = {"a", "b", "c"}, .dead = {}};
  Fixture() { EXPECT_TRUE(guard.read(lineage("L"), 10, 3)); }
};

TEST(RecordsGuardTest, P15WithoutMembersNobodyCanKnowMoreAndItOpensAtOnce) {
  Fixture f;
  EXPECT_EQ(f.guard.opening({}, t0), Opening::at_once);
}

TEST(RecordsGuardTest, P15ItOpensWhenAllMembersHaveRegisteredAndNoneWasAhead) {
  Fixture f;
  for (const char* zhost : {"a", "b", "c"}) {
    EXPECT_EQ(f.guard.opening(f.members, t0), Opening::wait);
    EXPECT_TRUE(f.guard.hear(zhost, true, known("L", 10, 3)));
  }
  EXPECT_EQ(f.guard.opening(f.members, t0), Opening::new_lineage);
}

TEST(RecordsGuardTest, P15WithMostOfThemItOpensAfterTheGraceAndTakesAStep) {
  Fixture f;
  EXPECT_TRUE(f.guard.hear("a", true, known("L", 9)));
  EXPECT_EQ(f.guard.opening(f.members, t0 + 1h), Opening::wait) << "one of three is not enough";
  EXPECT_TRUE(f.guard.hear("b", true, known("L", 10)));
  EXPECT_EQ(f.guard.opening(f.members, t0 + 1s), Opening::wait) << "the third may be coming";
  EXPECT_EQ(f.guard.opening(f.members, t0 + 6s), Opening::new_lineage_and_step);
  f.members.dead = {"c"};
  EXPECT_EQ(f.guard.opening(f.members, t0 + 1s), Opening::new_lineage_and_step)
      << "nobody waits for one that is known to be dead";
}

TEST(RecordsGuardTest, P15AMemberThatKnowsOfALaterChangeOrTermMakesItBehind) {
  for (const auto& said : {known("L", 11, 3), known("L", 10, 4), known("M", 1, 1)}) {
    Fixture f;
    EXPECT_EQ(f.guard.hear("a", true, said).error().code, stdx::Code::unavailable);
    EXPECT_EQ(f.guard.phase(), Phase::behind);
    EXPECT_NE(f.guard.detail({}).find("zhost 'a' knows of"), std::string::npos);
    EXPECT_FALSE(f.guard.hear("b", true, known("L", 10, 3))) << "nobody is admitted any more";
    EXPECT_EQ(f.guard.opening(f.members, t0 + 1h), Opening::wait);
  }
}

TEST(RecordsGuardTest, P15AnEmptiedDatabaseIsBehindAtTheFirstZhostThatKnowsOthers) {
  Fixture f;
  f.guard.open();
  EXPECT_EQ(f.guard.hear("a", false, known("M", 400, 7)).error().code, stdx::Code::unavailable);
  EXPECT_EQ(f.guard.phase(), Phase::behind);
}

TEST(RecordsGuardTest, P15AStrangerAmongMembersIsRefusedAndStopsNobody) {
  Fixture f;
  for (const char* zhost : {"a", "b", "c"}) EXPECT_TRUE(f.guard.hear(zhost, true, known("L", 10)));
  f.guard.open();
  EXPECT_EQ(f.guard.hear("x", false, known("M", 400, 7)).error().code, stdx::Code::denied);
  EXPECT_TRUE(f.guard.is_open());
  EXPECT_FALSE(f.guard.hear("b", true, known("M", 400, 7))) << "a member is no stranger";
  EXPECT_EQ(f.guard.phase(), Phase::behind);
}

TEST(RecordsGuardTest, P15WhatComesAfterTheEndOfAFormerLineageIsNotOfTheseRecords) {
  RecordsGuard guard(t0);
  ASSERT_TRUE(guard.read(next_lineage(lineage("L"), 10, "N"), 11, 3));
  EXPECT_TRUE(guard.hear("a", true, known("L", 10, 3)));
  EXPECT_TRUE(guard.hear("b", true, known("N", 11, 3)));
  EXPECT_FALSE(guard.hear("c", true, known("L", 11, 3)));
  EXPECT_EQ(guard.phase(), Phase::behind);
}

TEST(RecordsGuardTest, P15ADatabaseThatGoesBackWhileItIsInUseIsSeen) {
  for (const auto& [id, counter, term] : {std::tuple{"L", 9, 3}, {"L", 10, 2}, {"other", 50, 9}}) {
    Fixture f;
    f.guard.open();
    EXPECT_FALSE(f.guard.read(lineage(id), static_cast<std::uint64_t>(counter),
                              static_cast<std::uint64_t>(term)));
    EXPECT_EQ(f.guard.phase(), Phase::behind);
  }
  Fixture f;
  EXPECT_TRUE(f.guard.read(next_lineage(lineage("L"), 12, "N"), 13, 4));
}

TEST(RecordsGuardTest, FormerLineagesAreBounded) {
  auto record = lineage("0");
  for (int i = 1; i < 1100; ++i)
    record = next_lineage(record, static_cast<std::uint64_t>(i), std::to_string(i));
  EXPECT_EQ(record.former_size(), RecordsGuard::former_max);
  EXPECT_EQ(record.former(0).id(), "1098");
}

// The one that led before may have committed a batch of which it had told nobody yet.
TEST(RecordsGuardTest, P15AfterARecoveryWhatAnEarlierLeaderRemembersMakesNothingBehindAgain) {
  Fixture f;
  EXPECT_FALSE(f.guard.hear_leader("a", known("L", 16, 4))) << "it is ahead of the records";
  EXPECT_EQ(f.guard.phase(), Phase::behind);
  f.guard.recovered(next_lineage(lineage("L"), 15, "M"), 20, 9);
  EXPECT_EQ(f.guard.hear_leader("a", known("L", 16, 4)).error().code, stdx::Code::stale);
  EXPECT_TRUE(f.guard.is_open());
  EXPECT_FALSE(f.guard.hear_leader("b", known("M", 21, 9))) << "of these records it is believed";
  EXPECT_EQ(f.guard.phase(), Phase::behind);
}

}  // namespace
}  // namespace controlplane
