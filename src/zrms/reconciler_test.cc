// SPDX-License-Identifier: Apache-2.0
#include "zrms/reconciler.h"

#include <gtest/gtest.h>

#include <set>

#include "stdx/text.h"

#include "zrms/test_records.h"

namespace zrms {
namespace {

using namespace std::chrono_literals;
using stdx::format;
constexpr stdx::Instant t0{};

struct ReconcilerTest : testing::Test {
  TestRecords rows;
  ClusterManager cluster{{}};
  RecoveryManager recovery;
  std::vector<v1::Member> members;
  Reconciler reconciler{{}};
  model::Topology spec;
  std::uint64_t counter = 0;

  ReconcilerTest() {
    spec.name = "t";
    spec.spaces.emplace_back().name = "x";
    for (const char* id : {"a", "b"}) {
      auto& member = members.emplace_back();
      member.set_zhost_id(id);
      member.set_incarnation(1);
      says(id, {});
    }
  }
  struct Seen {
    std::uint64_t epoch;
    const char* state;
  };
  void says(const std::string& zhost, std::vector<Seen> x, std::uint64_t floor = 0) {
    v1::ResourceReport report;
    report.set_zhost(zhost);
    report.set_incarnation(1);
    report.set_counter(++counter);
    for (const auto& seen : x) {
      auto* space = report.add_spaces();
      space->set_topology_id("t");
      space->set_space("x");
      space->set_epoch(seen.epoch);
      space->set_state(seen.state);
    }
    if (floor > 0) {
      auto* at = report.add_floors();
      at->set_topology_id("t");
      at->set_space("x");
      at->set_epoch(floor);
    }
    v1::Beat beat;
    beat.set_zhost(zhost);
    beat.set_incarnation(1);
    beat.set_counter(counter);
    cluster.beat(beat, t0);
    cluster.report(report, t0);
  }
  // Its last word is a goodbye; what recovery is told then.
  std::vector<std::string> dies(const std::string& zhost) {
    v1::Beat beat;
    beat.set_zhost(zhost);
    beat.set_incarnation(1);
    beat.set_counter(++counter);
    beat.set_goodbye(true);
    cluster.beat(beat, t0);
    cluster.check(t0);
    EXPECT_EQ(cluster.life(zhost), ClusterManager::Life::dead);
    return recovery.handle_zhost_failure(zhost, rows.records);
  }
  Plan plan(stdx::Instant now = t0) {
    return reconciler.plan({rows.records, cluster, recovery, members, 7, "now"}, now);
  }
  static const v1::SpaceRecord* space_of(const Plan& plan) {
    for (const auto& change : plan.changes)
      if (change.kind == "space" && !change.remove) return &change.space;
    return nullptr;
  }
};

TEST_F(ReconcilerTest, P3ANewSpaceIsWrittenFirstAndOnlyThenSent) {
  rows.topology(spec);
  const auto first = plan();
  ASSERT_TRUE(space_of(first));
  EXPECT_EQ(space_of(first)->zhost(), "a");
  EXPECT_EQ(space_of(first)->epoch(), 1u);
  EXPECT_TRUE(first.commands.places.empty()) << "nothing is sent that no record says";
  rows.records.apply(first.changes);
  const auto second = plan(t0 + 1ms);
  ASSERT_EQ(second.commands.places.size(), 1u);
  const auto& header = second.commands.places[0].command.header();
  EXPECT_EQ(header.zhost(), "a");
  EXPECT_EQ(header.epoch(), 1u);
  EXPECT_EQ(header.term(), 7u);
  EXPECT_TRUE(plan(t0 + 2ms).commands.places.empty()) << "it was just sent";
  EXPECT_EQ(plan(t0 + 400ms).commands.places.size(), 1u) << "and again while no report shows it";
}

TEST_F(ReconcilerTest, P5ANewLeaderPlacesOnlyWhereItHeardAWordInItsReign) {
  rows.topology(spec);
  dies("a");
  cluster.take_over(t0);
  recovery.clear();
  const auto nobody = plan();
  EXPECT_FALSE(space_of(nobody));
  EXPECT_EQ(nobody.refusals.at({"t", "x"}),
            (std::vector<std::string>{"a: not heard yet", "b: not heard yet"}));
  says("b", {});
  const auto placed = plan();
  ASSERT_TRUE(space_of(placed));
  EXPECT_EQ(space_of(placed)->zhost(), "b") << "a comes first by name, and may be dead";
}

TEST_F(ReconcilerTest, RFail6ASpaceOfAFailedZhostIsPlacedElsewhereWithTheNextEpoch) {
  rows.topology(spec);
  rows.space("x", "a", 4);
  EXPECT_EQ(dies("a"), std::vector<std::string>{"t"});
  const auto moved = plan();
  ASSERT_TRUE(space_of(moved));
  EXPECT_EQ(space_of(moved)->zhost(), "b");
  EXPECT_EQ(space_of(moved)->epoch(), 5u);
}

TEST_F(ReconcilerTest, RFail9ASpaceWithLocalDataWaitsForItsZhost) {
  spec.spaces[0].store = model::StoreKind::local;
  rows.topology(spec);
  rows.space("x", "a", 4);
  dies("a");
  const auto waits = plan();
  ASSERT_TRUE(space_of(waits));
  EXPECT_EQ(space_of(waits)->zhost(), "a");
  EXPECT_EQ(space_of(waits)->epoch(), 4u);
  EXPECT_EQ(space_of(waits)->state(), "waiting");
}

TEST_F(ReconcilerTest, RFail9ATopologyStaysDegradedWhileTheZhostOfItsDataReturns) {
  spec.spaces[0].store = model::StoreKind::local;
  rows.topology(spec);
  rows.space("x", "a", 4);
  says("a", {{4, "running"}});
  rows.records.apply(plan().changes);
  const auto topology = [&] { return rows.records.topology("t")->record; };
  ASSERT_EQ(topology().state(), "running");
  const auto degraded = [&](const char* when) {
    rows.records.apply(plan().changes);
    EXPECT_EQ(topology().state(), "degraded") << when;
    EXPECT_EQ(topology().reason(), "data on zhost a") << when;
  };
  dies("a");
  degraded("at the moment of its death");
  degraded("later");
  // It registers; recovery hears of it with the next check, and its first beat is on the way.
  members[0].set_incarnation(2);
  cluster.expect("a", 2, t0);
  degraded("when it registered");
  cluster.check(t0);
  recovery.zhost_returned("a");
  degraded("when recovery knows");
  v1::Beat beat;
  beat.set_zhost("a");
  beat.set_incarnation(2);
  beat.set_counter(1);
  cluster.beat(beat, t0);
  const auto placed = plan();
  ASSERT_TRUE(space_of(placed));
  EXPECT_EQ(space_of(placed)->epoch(), 5u);
  rows.records.apply(placed.changes);
  EXPECT_EQ(topology().state(), "degraded");
}

TEST_F(ReconcilerTest, ASpaceThatWasSeenRunningWithItsStoreIsPlacedToFindIt) {
  spec.spaces[0].store = model::StoreKind::local;
  rows.topology(spec);
  rows.space("x", "a", 1);
  const auto first = plan();
  ASSERT_EQ(first.commands.places.size(), 1u);
  EXPECT_FALSE(first.commands.places[0].command.data_expected()) << "it may never have begun";
  says("a", {{1, "running"}});
  const auto seen = plan();
  ASSERT_TRUE(space_of(seen));
  EXPECT_TRUE(space_of(seen)->has_data());
  rows.add("space", "t/x", space_of(seen)->SerializeAsString());
  says("a", {});
  const auto again = plan(t0 + 1s);
  ASSERT_EQ(again.commands.places.size(), 1u);
  EXPECT_TRUE(again.commands.places[0].command.data_expected());
}

TEST_F(ReconcilerTest, RFail10WithNoZhostLeftTheRowStaysAndTheReasonsAreGiven) {
  rows.topology(spec);
  rows.space("x", "a", 4);
  dies("a");
  dies("b");
  const auto stuck = plan();
  EXPECT_FALSE(space_of(stuck));
  EXPECT_EQ(stuck.refusals.at({"t", "x"}).size(), 2u);
}

TEST_F(ReconcilerTest, P8AnOlderCopyEndsOnlyOnceTheNewerOneRuns) {
  rows.topology(spec);
  rows.space("x", "b", 5);
  says("a", {{4, "running"}});
  says("b", {{5, "starting"}});
  EXPECT_TRUE(plan().commands.stops.empty());
  says("b", {{5, "running"}});
  const auto stops = plan(t0 + 1s).commands.stops;
  ASSERT_EQ(stops.size(), 1u);
  EXPECT_EQ(stops[0].command.header().zhost(), "a");
  EXPECT_EQ(stops[0].command.header().epoch(), 4u);
  EXPECT_FALSE(stops[0].command.remove_data());
}

TEST_F(ReconcilerTest, P13AMissingRowStopsNothing) {
  says("a", {{4, "running"}});
  const auto nothing = plan();
  EXPECT_TRUE(nothing.commands.stops.empty());
  EXPECT_TRUE(nothing.changes.empty());
}

TEST_F(ReconcilerTest, P13DeletingRaisesTheEpochAndTheTombstoneGoesWhenEveryHolderReportedIt) {
  rows.topology(spec, v1::DESIRED_DELETED);
  rows.space("x", "a", 4);
  says("a", {{4, "running"}});
  const auto buried = plan();
  ASSERT_TRUE(space_of(buried));
  EXPECT_TRUE(space_of(buried)->tombstone());
  EXPECT_EQ(space_of(buried)->epoch(), 5u);
  rows.space("x", "a", 5, "stopped", /*tombstone=*/true);
  const auto stop = plan(t0 + 1s);
  EXPECT_TRUE(stop.changes.empty()) << "a still has it";
  ASSERT_FALSE(stop.commands.stops.empty());
  EXPECT_EQ(stop.commands.stops[0].command.header().epoch(), 5u);
  EXPECT_TRUE(stop.commands.stops[0].command.remove_data());
  says("a", {}, /*floor=*/4);
  EXPECT_TRUE(plan(t0 + 2s).changes.empty()) << "a could still start epoch 4 of a late command";
  says("a", {}, /*floor=*/5);
  const auto gone = plan(t0 + 3s);
  ASSERT_FALSE(gone.changes.empty());
  EXPECT_TRUE(gone.changes[0].remove);
}

TEST_F(ReconcilerTest, RTopoATopologyRunsWhenItsSpacesDo) {
  rows.topology(spec);
  rows.space("x", "a", 1);
  says("a", {{1, "running"}});
  const auto running = plan();
  const auto* change = running.changes.empty() ? nullptr : &running.changes.back();
  ASSERT_TRUE(change);
  EXPECT_EQ(change->topology.state(), "running");
}

TEST_F(ReconcilerTest, CommandsOfALargeTopologyWaitForAnswersOfThoseBefore) {
  spec.spaces.clear();
  for (int i = 0; i < 100; ++i) {
    auto& space = spec.spaces.emplace_back();
    space.name = format("s{}", i);
    space.config["c"] = std::string(3000, 'x');
  }
  rows.topology(spec);
  for (const auto& space : spec.spaces) rows.space(space.name, "a", 1, "placed");
  std::set<std::string> sent;
  auto now = t0;
  for (int round = 0; round < 100 && sent.size() < 100; ++round) {
    const auto places = plan(now).commands.places;
    std::size_t bytes = 0;
    for (const auto& place : places) bytes += place.command.ByteSizeLong();
    EXPECT_LE(places.size(), CommandWindow::commands_max);
    EXPECT_LE(bytes, CommandWindow::bytes_max + 1000);
    EXPECT_TRUE(plan(now + 250ms).commands.places.empty()) << "no answer came";
    EXPECT_FALSE(places.empty());
    bool more = false;
    for (const auto& place : places) {
      sent.insert(place.command.header().space());
      more |= reconciler.answered("a", place.bytes);
    }
    EXPECT_TRUE(more || sent.size() == 100);
    now += 1ms;
  }
  EXPECT_EQ(sent.size(), 100u);
}

TEST_F(ReconcilerTest, NothingIsRememberedOfTopologiesThatAreGone) {
  rows.topology(spec);
  rows.space("x", "a", 1);
  says("a", {{1, "failed"}});
  plan();
  EXPECT_EQ(reconciler.remembered(), 1u) << "since when it failed";
  says("a", {});
  plan();
  EXPECT_EQ(reconciler.remembered(), 2u) << "and that it was sent again";
  rows.rows.clear_records();
  rows.records.load(rows.rows);
  plan(t0 + 1s);
  EXPECT_EQ(reconciler.remembered(), 0u);
}

}  // namespace
}  // namespace zrms
