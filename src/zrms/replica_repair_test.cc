// SPDX-License-Identifier: Apache-2.0
#include "zrms/replica_repair.h"

#include <gtest/gtest.h>

#include "zrms/reported_archives.h"
#include "zrms/testing/records.h"

namespace zrms {
namespace {

using namespace std::chrono_literals;
constexpr stdx::Instant t0{};

struct ReplicaRepairTest : testing::Test {
  TestRecords rows;
  ClusterManager cluster{{}};
  RecoveryManager recovery;
  std::vector<v1::Member> members;
  ReplicaRepair keeper{{}};
  std::uint64_t counter = 0;
  v1::TopologyRecord record;

  ReplicaRepairTest() {
    for (const char* id : {"a", "b", "c", "d"}) joins(id);
    record.set_id("t");
    record.set_desired(v1::DESIRED_RUNNING);
    record.set_mex_sha256("app");
    record.mutable_spec()->add_spaces()->set_name("x");
    record.mutable_spec()->mutable_spaces(0)->set_type("CALL");
    held_by({"a", "b", "c"});
    for (const char* id : {"a", "b", "c"}) says(id, {"app"});
    says("d", {});
  }
  void joins(const std::string& id) {
    auto& member = members.emplace_back();
    member.set_zhost_id(id);
    member.set_incarnation(1);
    cluster.expect(id, 1, t0);
  }
  void leaves(const std::string& id) {
    std::erase_if(members, [&](const v1::Member& m) { return m.zhost_id() == id; });
  }
  void held_by(std::vector<std::string> replicas) {
    record.mutable_blob_holders()->Assign(replicas.begin(), replicas.end());
    rows.add("topology", "t", record.SerializeAsString());
  }
  void says(const std::string& zhost, std::vector<std::string> blobs) {
    v1::ResourceReport report;
    report.set_zhost(zhost);
    report.set_incarnation(1);
    report.set_counter(++counter);
    std::sort(blobs.begin(), blobs.end());
    report_archives(blobs, report);
    cluster.report(report, t0);
  }
  ReplicaRepair::Plan plan(stdx::Instant now) {
    return keeper.plan({rows.records, cluster, recovery, members, 1, "now"}, now);
  }
  static std::vector<std::string> targets(const ReplicaRepair::Plan& plan) {
    std::vector<std::string> list;
    for (const auto& copy : plan.copies) list.push_back(copy.target);
    return list;
  }
  static std::vector<std::string> replicas(const ReplicaRepair::Plan& plan) {
    if (plan.changes.empty()) return {};
    const auto& list = plan.changes.at(0).topology.blob_holders();
    return {list.begin(), list.end()};
  }
  using List = std::vector<std::string>;
};

TEST_F(ReplicaRepairTest,
       AfterAnUpdateThatWasSubmittedElsewhereTheArchivesOfBothVersionsGetReplicas) {
  for (const char* id : {"e", "f"}) joins(id);
  // The former version is kept, and its archive is where it was.
  v1::VersionRecord former;
  former.set_topology_id("t");
  former.set_version(1);
  former.set_mex_sha256("app");
  *former.mutable_spec() = record.spec();
  rows.add("version", "t/1", former.SerializeAsString());
  record.set_mex_sha256("next");
  held_by({"d", "e", "f", "a", "b", "c"});
  for (const char* id : {"d", "e", "f"}) says(id, {"next"});
  EXPECT_TRUE(plan(t0).copies.empty());
  const auto asked = plan(t0 + 31s);
  ASSERT_EQ(asked.copies.size(), 3u);
  for (const auto& copy : asked.copies) {
    EXPECT_EQ(copy.archives, (List{"app", "next"}));
    EXPECT_EQ(copy.from.size(), 6u) << "each has one of them";
  }
  for (const auto& copy : asked.copies) keeper.copied(copy, true, t0 + 33s);
  EXPECT_EQ(replicas(plan(t0 + 33s)), targets(asked));
}

TEST_F(ReplicaRepairTest, AReplicaThatIsLostForGoodIsReplacedAndOnlyThenLeavesTheRow) {
  EXPECT_TRUE(plan(t0).copies.empty());
  recovery.handle_zhost_failure("b", rows.records);
  EXPECT_TRUE(plan(t0 + 1s).copies.empty());
  EXPECT_TRUE(plan(t0 + 30s).copies.empty()) << "it may come back";
  const auto asked = plan(t0 + 31s);
  ASSERT_EQ(targets(asked), List{"d"});
  EXPECT_EQ(asked.copies[0].archives, List{"app"});
  EXPECT_EQ(asked.copies[0].from, (List{"a", "c"}));
  EXPECT_TRUE(asked.changes.empty());
  EXPECT_TRUE(plan(t0 + 32s).copies.empty()) << "one is under way";
  keeper.copied(asked.copies[0], true, t0 + 33s);
  EXPECT_EQ(replicas(plan(t0 + 33s)), (List{"a", "c", "d"}));
  EXPECT_EQ(replicas(plan(t0 + 34s)), (List{"a", "c", "d"})) << "until it is committed";
  held_by({"a", "c", "d"});
  const auto after = plan(t0 + 35s);
  EXPECT_TRUE(after.copies.empty() && after.changes.empty());
}

TEST_F(ReplicaRepairTest, AZhostThatComesBackInTimeIsNotReplaced) {
  recovery.handle_zhost_failure("b", rows.records);
  plan(t0 + 1s);
  recovery.zhost_returned("b");
  plan(t0 + 20s);
  recovery.handle_zhost_failure("b", rows.records);
  EXPECT_TRUE(plan(t0 + 40s).copies.empty()) << "its time counts anew";
}

TEST_F(ReplicaRepairTest, AReplicaWhoseDiskLostTheArchiveFetchesItAgain) {
  says("b", {});
  plan(t0);
  EXPECT_EQ(targets(plan(t0 + 30s)), List{"b"}) << "the smallest name of those without it";
}

TEST_F(ReplicaRepairTest, WhenAZhostJoinsAndFewerThanThreeHoldItTheNewcomerFetchesIt) {
  held_by({"a"});
  leaves("b");
  leaves("c");
  leaves("d");
  EXPECT_TRUE(plan(t0).copies.empty()) << "min(3, N) is 1";
  joins("e");
  EXPECT_EQ(targets(plan(t0 + 1s)), List{"e"});
}

TEST_F(ReplicaRepairTest, AZhostThatHasTheArchiveForASpaceIsAskedFirst) {
  held_by({"a", "b"});
  says("c", {});
  says("d", {"app"});
  EXPECT_EQ(targets(plan(t0)), List{"d"});
}

TEST_F(ReplicaRepairTest, ACopyThatFailedIsTriedWithAnotherZhostAndWithTheSameOneLater) {
  joins("e");
  held_by({"a", "b"});
  says("c", {});
  const auto first = plan(t0);
  ASSERT_EQ(targets(first), List{"c"});
  keeper.copied(first.copies[0], false, t0 + 1s);
  const auto second = plan(t0 + 1s);
  ASSERT_EQ(targets(second), List{"d"});
  keeper.copied(second.copies[0], false, t0 + 2s);
  const auto third = plan(t0 + 2s);
  ASSERT_EQ(targets(third), List{"e"});
  keeper.copied(third.copies[0], false, t0 + 3s);
  EXPECT_TRUE(plan(t0 + 4s).copies.empty());
  EXPECT_EQ(targets(plan(t0 + 11s)), List{"c"});
}

TEST_F(ReplicaRepairTest, AStandAloneTopologyIsHeldWithEachOfItsArchives) {
  auto* space = record.mutable_spec()->add_spaces();
  space->set_name("y");
  space->set_type("CALL");
  space->set_mex_sha256("page");
  held_by({"a", "b", "c"});
  for (const char* id : {"a", "b"}) says(id, {"app", "page"});
  plan(t0);
  const auto asked = plan(t0 + 30s);
  ASSERT_EQ(targets(asked), List{"c"}) << "it has only one of the two";
  EXPECT_EQ(asked.copies[0].archives, (List{"app", "page"}));
}

// Archives of other topologies, all of which sort before "app" or all after.
std::vector<std::string> others(const std::string& prefix, int count) {
  std::vector<std::string> list;
  for (int i = 0; i < count; ++i) list.push_back(prefix + std::to_string(10'000 + i));
  return list;
}

TEST_F(ReplicaRepairTest, AnArchivePastTheBoundOfAReportIsNotTakenForLost) {
  for (const char* id : {"a", "b", "c"}) says(id, others("a", reported_archives_max));
  for (const auto at : {0s, 30s, 300s}) {
    const auto after = plan(t0 + at);
    EXPECT_TRUE(after.copies.empty() && after.changes.empty()) << at.count();
  }
}

TEST_F(ReplicaRepairTest, AReportBelowItsBoundOrThatGoesFurtherDoesSayThatAnArchiveIsLost) {
  for (const auto& list :
       {others("a", reported_archives_max - 1), others("b", reported_archives_max)}) {
    keeper.reset();
    says("b", list);
    plan(t0);
    EXPECT_EQ(targets(plan(t0 + 30s)), List{"b"}) << list.front();
  }
}

TEST_F(ReplicaRepairTest, AReportNamesTheFirstOfItsArchivesUpToTheBound) {
  v1::ResourceReport report;
  auto list = others("a", reported_archives_max);
  report_archives(list, report);
  EXPECT_EQ(report.blobs_size(), reported_archives_max);
  EXPECT_TRUE(reports_held(report, list.back()) && !reports_missing(report, list.back()));
  list.push_back("app");
  report_archives(list, report);
  EXPECT_EQ(report.blobs_size(), reported_archives_max);
  EXPECT_FALSE(reports_held(report, "app") || reports_missing(report, "app"));
  EXPECT_TRUE(reports_missing(report, "a10000x"));
}

TEST_F(ReplicaRepairTest, CopiesUnderWayAreBoundedAndAnswersOfAFormerReignCountForNothing) {
  for (int i = 0; i < 10; ++i) {
    auto other = record;
    other.set_id("t" + std::to_string(i));
    other.mutable_blob_holders()->Clear();
    other.add_blob_holders("a");
    rows.add("topology", other.id(), other.SerializeAsString());
  }
  const auto asked = plan(t0);
  EXPECT_EQ(asked.copies.size(), ReplicaRepair::Options{}.copies_max);
  EXPECT_TRUE(plan(t0 + 1s).copies.empty());
  keeper.reset();
  keeper.copied(asked.copies[0], true, t0 + 2s);
  EXPECT_TRUE(plan(t0 + 2s).changes.empty());
}

TEST_F(ReplicaRepairTest, WithNoLiveReplicaNothingCanBeCopiedAndTheRowStaysAsItIs) {
  held_by({"b"});
  for (const char* id : {"a", "c"}) says(id, {});
  recovery.handle_zhost_failure("b", rows.records);
  plan(t0);
  const auto after = plan(t0 + 60s);
  EXPECT_TRUE(after.copies.empty() && after.changes.empty());
}

TEST_F(ReplicaRepairTest, AZhostThatHasItThoughTheRowDoesNotSaySoIsASource) {
  held_by({"b"});
  recovery.handle_zhost_failure("b", rows.records);
  const auto at_once = plan(t0);
  ASSERT_EQ(at_once.copies.size(), 2u);
  EXPECT_EQ(at_once.copies[0].from, (List{"a", "c"}));
  EXPECT_EQ(plan(t0 + 60s).copies.size(), 1u) << "b is lost by now";
}

}  // namespace
}  // namespace zrms
