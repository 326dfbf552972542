// SPDX-License-Identifier: Apache-2.0
#include "controlplane/copy_plan.h"

#include <gtest/gtest.h>

namespace controlplane {
namespace {

using namespace std::chrono_literals;
using Zhosts = std::set<std::string>;

v1::RecordsKnown known(std::uint64_t counter, std::uint64_t term = 1) {
  v1::RecordsKnown records;
  records.set_lineage("L");
  records.set_counter(counter);
  records.set_term(term);
  return records;
}
CopyPlan::Time at(stdx::Duration since_start) {
  return {stdx::Instant() + since_start,
          stdx::WallTime(std::chrono::duration_cast<std::chrono::milliseconds>(since_start))};
}

TEST(CopyPlanTest, AsManyZhostsAsAskedForKeepTheNewestRecordsAndTheSameOnesAgain) {
  CopyPlan plan(10min, 2);
  const Zhosts linked{"a", "b", "c"};
  plan.records_are(known(5), at(0s));
  plan.begin_round(linked);
  EXPECT_EQ(plan.next(linked), "a");
  plan.kept("a", known(5), at(1s));
  EXPECT_EQ(plan.next(linked), "b");
  plan.kept("b", known(5), at(1s));
  EXPECT_EQ(plan.next(linked), "") << "two are enough";
  plan.records_are(known(6), at(2s));
  plan.begin_round({"a", "b", "c"});
  plan.kept("b", known(6), at(3s));
  EXPECT_EQ(plan.next(linked), "a") << "it has kept the one before";
}

TEST(CopyPlanTest, NothingIsSentWhereNothingChangedUnlessAKeeperIsAway) {
  CopyPlan plan(10min, 1);
  plan.records_are(known(5), at(0s));
  plan.kept("b", known(5), at(0s));
  plan.records_are(known(5), at(20min));
  plan.begin_round({"a", "b"});
  EXPECT_EQ(plan.next({"a", "b"}), "");
  EXPECT_EQ(plan.next({"a"}), "a") << "b is away";
  plan.records_are(known(5, 2), at(30min));
  EXPECT_EQ(plan.next({"a", "b"}), "b") << "a term is a change, too";
}

TEST(CopyPlanTest, AChangeDuringARoundEndsItAllTheSameAndTheNextOneCopiesIt) {
  CopyPlan plan(1s, 3);
  const Zhosts linked{"a", "b"};
  plan.records_are(known(5), at(0s));
  plan.begin_round(linked);
  EXPECT_EQ(plan.next(linked), "a");
  plan.records_are(known(6), at(1s));
  plan.kept("a", known(5), at(0s));
  EXPECT_EQ(plan.next(linked), "b") << "not the same one again";
  plan.kept("b", known(5), at(0s));
  EXPECT_EQ(plan.next(linked), "");
  EXPECT_FALSE(plan.has_newest_copy());
  plan.begin_round(linked);
  EXPECT_EQ(plan.next(linked), "a");
}

TEST(CopyPlanTest, AZhostThatRefusesIsAskedAgainInTheNextRoundOnly) {
  CopyPlan plan(10min, 2);
  plan.records_are(known(5), at(0s));
  plan.begin_round({"a", "b"});
  plan.refused("a");
  EXPECT_EQ(plan.next({"a", "b"}), "b");
  plan.kept("b", known(5), at(0s));
  EXPECT_EQ(plan.next({"a", "b"}), "");
  plan.begin_round({"a", "b"});
  EXPECT_EQ(plan.next({"a", "b"}), "a");
}

TEST(CopyPlanTest, RecordsWithoutACopyAreOverdueAfterThreeIntervalsAndOldCopiesOfTheNewestAreNot) {
  CopyPlan plan(10min, 1);
  plan.records_are(known(1), at(0s));
  EXPECT_FALSE(plan.overdue(at(30min).now));
  EXPECT_EQ(plan.overdue(at(31min).now), at(0s).wall);
  plan.kept("a", known(1), at(31min));
  EXPECT_FALSE(plan.overdue(at(240min).now)) << "nothing has changed since";
  plan.records_are(known(2), at(240min));
  plan.records_are(known(3), at(260min));
  EXPECT_EQ(plan.overdue(at(271min).now), at(240min).wall);
  // What changed while a copy was on its way counts from when it was read.
  plan.kept("a", known(2), at(255min));
  EXPECT_FALSE(plan.overdue(at(271min).now));
  EXPECT_EQ(plan.overdue(at(286min).now), at(255min).wall);
}

}  // namespace
}  // namespace controlplane
