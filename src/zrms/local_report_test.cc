// SPDX-License-Identifier: Apache-2.0
#include "zrms/local_report.h"

#include <gtest/gtest.h>

#include "zrms/cluster_manager.h"

namespace zrms {
namespace {

constexpr stdx::Instant t0{};

struct LocalReportTest : testing::Test {
  LocalReport local;
  ClusterManager leader{{}};
  std::uint64_t counter = 0, sequence = 0;

  v1::Snapshot word() {
    v1::Snapshot snapshot;
    snapshot.set_incarnation(1);
    snapshot.set_counter(++counter);
    snapshot.set_sequence(sequence);
    return snapshot;
  }
  static void add(v1::Snapshot& to, const std::string& space, const std::string& state) {
    auto* report = to.add_spaces();
    report->set_topology_id("t");
    report->set_space(space);
    report->set_epoch(1);
    report->set_state(state);
  }
  v1::Snapshot change(const std::string& space, const std::string& state) {
    ++sequence;
    auto snapshot = word();
    snapshot.set_delta(true);
    if (state.empty()) {
      auto* floor = snapshot.add_floors();
      floor->set_topology_id("t");
      floor->set_space(space);
      floor->set_epoch(1);
    } else {
      add(snapshot, space, state);
    }
    return snapshot;
  }
  void start() {
    auto whole = word();
    add(whole, "x", "running");
    add(whole, "y", "starting");
    EXPECT_TRUE(local.take(whole));
    local.send_to("leader");
  }
  // What of it reached the leader; false where there was nothing to send.
  bool deliver() {
    auto report = local.next();
    if (!report) return false;
    report->set_zhost("z");
    leader.report(*report, t0);
    local.answered(leader.whole_wanted("z") ? LocalReport::Answer::whole_wanted
                                            : LocalReport::Answer::taken);
    return true;
  }
  std::string state(const std::string& space) const {
    const auto& spaces = leader.find("z")->spaces;
    const auto at = spaces.find({"t", space});
    return at == spaces.end() ? "" : at->second.state();
  }
};

TEST_F(LocalReportTest, OnlyWhatChangedFollowsTheWhole) {
  start();
  ASSERT_TRUE(deliver());
  EXPECT_EQ(leader.find("z")->spaces.size(), 2u);
  EXPECT_TRUE(local.take(change("y", "running")));
  const auto report = local.next();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->spaces_size(), 1);
  EXPECT_EQ(report->base(), 1u);
  EXPECT_FALSE(local.next()) << "one is under way";
}

TEST_F(LocalReportTest, WhatChangesWhileOneIsUnderWayGoesWithTheNext) {
  start();
  const auto first = local.next();
  ASSERT_TRUE(first);
  EXPECT_TRUE(local.take(change("y", "running")));
  EXPECT_TRUE(local.take(change("x", "")));
  auto report = *first;
  report.set_zhost("z");
  leader.report(report, t0);
  local.answered(LocalReport::Answer::taken);
  ASSERT_TRUE(deliver());
  EXPECT_EQ(state("y"), "running");
  EXPECT_EQ(state("x"), "") << "it ended";
  EXPECT_EQ(leader.find("z")->floors.at({"t", "x"}), 1u);
}

TEST_F(LocalReportTest, AfterALostAnswerTheWholeGoesWithTheNextCounter) {
  start();
  ASSERT_TRUE(deliver());
  EXPECT_TRUE(local.take(change("y", "running")));
  ASSERT_TRUE(local.next()) << "and it never arrives";
  local.answered(LocalReport::Answer::lost);
  EXPECT_FALSE(local.next()) << "that counter was sent";
  auto fresh = word();
  fresh.set_children_only(true);
  EXPECT_TRUE(local.take(fresh));
  ASSERT_TRUE(deliver());
  EXPECT_EQ(state("y"), "running");
}

TEST_F(LocalReportTest, ALeaderThatMissedAReportAsksForTheWhole) {
  start();
  ASSERT_TRUE(deliver());
  leader = ClusterManager({});
  EXPECT_TRUE(local.take(change("y", "running")));
  ASSERT_TRUE(deliver());
  EXPECT_TRUE(leader.find("z")->spaces.empty()) << "changes of what it does not know say nothing";
  EXPECT_TRUE(leader.find("z")->heard) << "though it is a word";
  EXPECT_TRUE(local.take(change("x", "failed")));
  ASSERT_TRUE(deliver());
  EXPECT_EQ(state("x"), "failed");
  EXPECT_EQ(state("y"), "running");
}

TEST_F(LocalReportTest, AChangeThatDidNotComeIsNoticed) {
  start();
  change("y", "running");
  EXPECT_FALSE(local.take(change("x", "failed")));
  EXPECT_FALSE(local.knows_all());
  auto fresh = word();
  add(fresh, "y", "running");
  EXPECT_TRUE(local.take(fresh));
  EXPECT_TRUE(local.knows_all());
}

TEST_F(LocalReportTest, AReportBuiltOnAnotherOneChangesNothing) {
  start();
  ASSERT_TRUE(deliver());
  v1::ResourceReport stray;
  stray.set_zhost("z");
  stray.set_incarnation(1);
  stray.set_counter(50);
  stray.set_base(40);
  auto* floor = stray.add_floors();
  floor->set_topology_id("t");
  floor->set_space("x");
  floor->set_epoch(9);
  EXPECT_TRUE(leader.report(stray, t0));
  EXPECT_EQ(state("x"), "running");
  EXPECT_TRUE(leader.whole_wanted("z"));
}

}  // namespace
}  // namespace zrms
