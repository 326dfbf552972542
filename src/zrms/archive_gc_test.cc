// SPDX-License-Identifier: Apache-2.0
#include "zrms/archive_gc.h"

#include <gtest/gtest.h>

#include "zrms/testing/records.h"

namespace zrms {
namespace {

using namespace std::chrono_literals;
constexpr stdx::Instant t0{};

struct ArchiveGcTest : testing::Test {
  TestRecords rows;
  ClusterManager cluster{{}};
  RecoveryManager recovery;
  std::vector<v1::Member> members;
  ArchiveGc gc{{.unused_for = 10min, .retry_after = 1min}};
  std::uint64_t counter = 0;

  void row(const std::string& archive, v1::Desired desired) {
    v1::TopologyRecord record;
    record.set_id("t");
    record.set_desired(desired);
    record.set_mex_sha256(archive);
    record.mutable_spec()->add_spaces()->set_name("x");
    record.mutable_spec()->mutable_spaces(0)->set_type("CALL");
    rows.add("topology", "t", record.SerializeAsString());
  }
  void says(const std::string& zhost, std::vector<std::string> blobs, stdx::Instant now = t0,
            bool runs = false) {
    cluster.expect(zhost, 1, now);
    v1::ResourceReport report;
    report.set_zhost(zhost);
    report.set_incarnation(1);
    report.set_counter(++counter);
    if (runs) {
      auto& space = *report.add_spaces();
      space.set_topology_id("t");
      space.set_space("x");
      space.set_epoch(1);
      space.set_state("running");
    }
    for (auto& blob : blobs) report.add_blobs(std::move(blob));
    cluster.report(report, now);
  }
  // "a: x y; b: x"
  std::string plan(stdx::Instant now) {
    std::string text;
    for (const auto& drop : gc.plan({rows.records, cluster, recovery, members, 1, "now"}, now)) {
      text += (text.empty() ? "" : "; ") + drop.zhost + ":";
      for (const auto& archive : drop.archives) text += " " + archive;
    }
    return text;
  }
};

TEST_F(ArchiveGcTest, WhatNoRowRefersToGoesAfterItsTimeFromEveryZhostThatReportsIt) {
  row("app", v1::DESIRED_RUNNING);
  for (const char* zhost : {"a", "b", "c"}) says(zhost, {"app"});
  EXPECT_EQ(plan(t0), "");
  says("a", {"app", "old"});
  says("b", {"old", "refused"});
  EXPECT_EQ(plan(t0), "");
  EXPECT_EQ(plan(t0 + 10min - 1ms), "");
  EXPECT_EQ(plan(t0 + 10min), "a: old; b: old refused");
}

TEST_F(ArchiveGcTest, WhatNoZhostHasAnyMoreIsForgotten) {
  std::vector<std::string> first;
  for (int i = 0; i < 100; ++i) first.push_back("first" + std::to_string(i));
  says("a", first);
  (void)plan(t0);
  EXPECT_EQ(gc.remembered(), 101u);
  says("a", {"first0"});
  (void)plan(t0);
  EXPECT_EQ(gc.remembered(), 2u);
  for (std::uint64_t incarnation = 2; incarnation < 50; ++incarnation) {
    cluster.expect("a", incarnation, t0);
    v1::ResourceReport report;
    report.set_zhost("a");
    report.set_incarnation(incarnation);
    report.set_counter(++counter);
    cluster.report(report, t0);
    (void)plan(t0);
  }
  EXPECT_EQ(gc.remembered(), 1u) << "the life that it has now";
}

TEST_F(ArchiveGcTest, P13TheRowOfADeletedTopologyKeepsItsArchivesAsLongAsItIsThere) {
  row("app", v1::DESIRED_DELETED);
  says("a", {"app"});
  (void)plan(t0);
  EXPECT_EQ(plan(t0 + 1h), "");
  rows.rows.clear_records();
  rows.records.load(rows.rows);
  EXPECT_EQ(plan(t0 + 1h), "");
  EXPECT_EQ(plan(t0 + 1h + 10min), "a: app");
}

// Another database, an older one, or one that was emptied looks the same: nothing refers to it.
TEST_F(ArchiveGcTest, P13WhatWasThereBeforeTheReignAndNoRowEverReferredToStays) {
  says("a", {"app", "old"});
  (void)plan(t0);
  EXPECT_EQ(plan(t0 + 1h), "");
  row("app", v1::DESIRED_RUNNING);
  (void)plan(t0 + 1h);
  rows.rows.clear_records();
  rows.records.load(rows.rows);
  (void)plan(t0 + 1h);
  EXPECT_EQ(plan(t0 + 2h), "a: app") << "a row did, and was removed";
}

TEST_F(ArchiveGcTest, P13NothingGoesWhileASpaceRunsThatHasNoRow) {
  row("app", v1::DESIRED_RUNNING);
  says("a", {"app"});
  (void)plan(t0);
  rows.rows.clear_records();
  rows.records.load(rows.rows);
  says("a", {"app"}, t0, /*runs=*/true);
  (void)plan(t0);
  EXPECT_EQ(plan(t0 + 1h), "");
  says("a", {"app"});
  EXPECT_EQ(plan(t0 + 1h), "") << "its time begins now";
  EXPECT_EQ(plan(t0 + 1h + 10min), "a: app");
}

TEST_F(ArchiveGcTest, ASubmitThatUsesTheArchiveAgainBeginsItsTimeAnew) {
  says("a", {});
  (void)plan(t0);
  says("a", {"app"});
  (void)plan(t0);
  row("app", v1::DESIRED_RUNNING);
  EXPECT_EQ(plan(t0 + 11min), "");
  rows.rows.clear_records();
  rows.records.load(rows.rows);
  EXPECT_EQ(plan(t0 + 12min), "");
  EXPECT_EQ(plan(t0 + 22min), "a: app");
}

TEST_F(ArchiveGcTest, WhoKeptItIsAskedAgainAfterAMinuteAndANewReignKnowsNothingOfIt) {
  row("old", v1::DESIRED_RUNNING);
  says("a", {"old"});
  (void)plan(t0);
  rows.rows.clear_records();
  rows.records.load(rows.rows);
  (void)plan(t0);
  EXPECT_EQ(plan(t0 + 10min), "a: old");
  EXPECT_EQ(plan(t0 + 10min + 59s), "");
  EXPECT_EQ(plan(t0 + 11min), "a: old");
  gc.reset();
  (void)plan(t0 + 12min);
  EXPECT_EQ(plan(t0 + 22min), "") << "the new one saw nothing released";
}

TEST_F(ArchiveGcTest, AtMostAHundredArchivesAreNamedInOneRequest) {
  std::vector<std::string> many;
  for (int i = 0; i < 150; ++i) many.push_back("x" + std::to_string(1000 + i));
  says("a", {});
  (void)plan(t0);
  says("a", many);
  (void)plan(t0);
  const auto first = plan(t0 + 10min);
  EXPECT_EQ(std::count(first.begin(), first.end(), 'x'), 100);
  const auto second = plan(t0 + 10min);
  EXPECT_EQ(std::count(second.begin(), second.end(), 'x'), 50);
}

}  // namespace
}  // namespace zrms
