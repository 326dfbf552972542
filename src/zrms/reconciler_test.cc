// SPDX-License-Identifier: Apache-2.0
#include "zrms/reconciler.h"

#include <gtest/gtest.h>

#include <set>

#include "stdx/text.h"

#include "wire/frame.h"
#include "zrms/testing/records.h"

namespace zrms {
namespace {

using namespace std::chrono_literals;
using stdx::format;
constexpr stdx::Instant t0{};

struct Body {
  TestRecords rows;
  ClusterManager cluster{{}};
  RecoveryManager recovery;
  std::vector<v1::Member> members;
  Reconciler reconciler{{}};
  model::Topology spec;
  std::uint64_t counter = 0;

  Body() {
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
  // Every command of the plan is answered.
  bool answer(const Plan& plan, stdx::Instant now) {
    bool more = false;
    for (const auto& places : plan.commands.places)
      more |= reconciler.answered(places.zhost, places.bytes, places.names, now);
    for (const auto& stop : plan.commands.stops)
      more |= reconciler.answered(stop.command.header().zhost(), stop.bytes, stop.names, now);
    return more;
  }
  // Some spaces of a zhost changed; a report names only those.
  void changes(const std::string& zhost, const std::string& name, const std::string& state) {
    v1::ResourceReport report;
    report.set_zhost(zhost);
    report.set_incarnation(1);
    report.set_base(cluster.find(zhost)->known_upto);
    report.set_counter(++counter);
    auto* space = report.add_spaces();
    space->set_topology_id("t");
    space->set_space(name);
    space->set_epoch(1);
    space->set_state(state);
    cluster.report(report, t0);
  }
  // Commits and commands are obeyed until every space runs and nothing is left to plan.
  void run_all() {
    for (int round = 0; round < 1000; ++round) {
      const auto planned = plan(t0 + round * 1ms);
      for (const auto& places : planned.commands.places)
        for (const auto& command : places.batch.commands())
          changes(places.zhost, command.header().space(), "running");
      answer(planned, t0);
      rows.records.apply(planned.changes);
      if (rows.records.topology("t")->record.state() == "running" && !planned.more &&
          planned.changes.empty())
        return;
    }
    ADD_FAILURE() << "it does not come to an end";
  }
  static const v1::SpaceRecord* space_of(const Plan& plan) {
    for (const auto& change : plan.changes)
      if (change.kind == "space" && !change.remove) return &change.space;
    return nullptr;
  }
};

struct ReconcilerTest : testing::Test, Body {
  using Body = zrms::Body;
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
  ASSERT_EQ(second.commands.places[0].batch.commands_size(), 1);
  const auto& header = second.commands.places[0].batch.commands(0).header();
  EXPECT_EQ(header.zhost(), "a");
  EXPECT_EQ(header.epoch(), 1u);
  EXPECT_EQ(header.term(), 7u);
  EXPECT_TRUE(plan(t0 + 400ms).commands.places.empty()) << "its answer is awaited";
  answer(second, t0 + 500ms);
  EXPECT_TRUE(plan(t0 + 700ms).commands.places.empty()) << "it was just answered";
  EXPECT_EQ(plan(t0 + 1000ms).commands.places.size(), 1u) << "and again while no report shows it";
}

TEST_F(ReconcilerTest, P5ANewLeaderPlacesOnlyWhereItHeardAWordInItsReign) {
  rows.topology(spec);
  dies("a");
  cluster.take_over(t0);
  recovery.clear();
  const auto nobody = plan();
  EXPECT_FALSE(space_of(nobody));
  EXPECT_EQ(reconciler.refusals().at({"t", "x"}),
            (std::vector<std::string>{"a: not heard yet", "b: not heard yet"}));
  says("b", {});
  const auto placed = plan();
  ASSERT_TRUE(space_of(placed));
  EXPECT_EQ(space_of(placed)->zhost(), "b") << "a comes first by name, and may be dead";
}

// R-COMP-2, R-FAIL-5, R-FAIL-7: RecoveryManager names the topology, and the failed zhost is left
// out.
TEST_F(ReconcilerTest, RFail6ASpaceOfAFailedZhostIsPlacedElsewhereWithTheNextEpoch) {
  rows.topology(spec);
  rows.space("x", "a", 4);
  EXPECT_EQ(dies("a"), std::vector<std::string>{"t"});
  const auto moved = plan();
  ASSERT_TRUE(space_of(moved));
  EXPECT_EQ(space_of(moved)->zhost(), "b");
  EXPECT_EQ(space_of(moved)->epoch(), 5u);
}

// R-ROLE-10, R-TOPO-11 and R-TOPO-14: degraded meanwhile, and running again by itself.
TEST_F(ReconcilerTest, RHb7ASpaceThatIsMissingFromTheReportOfItsZhostDegradesItsTopology) {
  rows.topology(spec);
  rows.space("x", "a", 4);
  const auto state_when_a_reports = [&](std::vector<Seen> seen) {
    says("a", std::move(seen));
    rows.records.apply(plan().changes);
    return rows.records.topology("t")->record.state();
  };
  ASSERT_EQ(state_when_a_reports({{4, "running"}}), "running");
  EXPECT_EQ(state_when_a_reports({}), "degraded");
  EXPECT_EQ(state_when_a_reports({{4, "running"}}), "running");
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
  answer(first, t0);
  EXPECT_FALSE(first.commands.places[0].batch.commands(0).data_expected())
      << "it may never have begun";
  says("a", {{1, "running"}});
  const auto seen = plan();
  ASSERT_TRUE(space_of(seen));
  EXPECT_TRUE(space_of(seen)->has_data());
  rows.add("space", "t/x", space_of(seen)->SerializeAsString());
  says("a", {});
  const auto again = plan(t0 + 1s);
  ASSERT_EQ(again.commands.places.size(), 1u);
  EXPECT_TRUE(again.commands.places[0].batch.commands(0).data_expected());
}

// R-TOPO-13: the reasons are what a person needs to act.
TEST_F(ReconcilerTest, RFail10WithNoZhostLeftTheRowStaysAndTheReasonsAreGiven) {
  rows.topology(spec);
  rows.space("x", "a", 4);
  dies("a");
  dies("b");
  const auto stuck = plan();
  EXPECT_FALSE(space_of(stuck));
  EXPECT_EQ(reconciler.refusals().at({"t", "x"}).size(), 2u);
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
  constexpr std::size_t count = 1500;
  spec.spaces.clear();
  for (std::size_t i = 0; i < count; ++i) {
    auto& space = spec.spaces.emplace_back();
    space.name = format("s{:04}", i);
    space.config["c"] = std::string(300, 'x');
  }
  rows.topology(spec);
  rows.hold = true;
  for (const auto& space : spec.spaces) rows.space(space.name, "a", 1, "placed");
  rows.records.load(rows.rows);
  std::set<std::string> sent;
  auto now = t0;
  for (int round = 0; round < 100 && sent.size() < count; ++round) {
    const auto planned = plan(now);
    std::size_t bytes = 0;
    for (const auto& places : planned.commands.places) {
      EXPECT_LE(places.batch.commands_size(), 128);
      bytes += places.batch.ByteSizeLong();
      for (const auto& command : places.batch.commands())
        EXPECT_TRUE(sent.insert(command.header().space()).second) << "once each";
    }
    for (const auto& name : sent) changes("a", name, "starting");
    EXPECT_LE(bytes, CommandWindow::zhost_bytes_max + 100'000);
    EXPECT_FALSE(planned.commands.places.empty());
    EXPECT_TRUE(plan(now + 250ms).commands.places.empty()) << "no answer came";
    EXPECT_TRUE(answer(planned, now + 250ms) || sent.size() == count);
    now += 251ms;
  }
  EXPECT_EQ(sent.size(), count);
}

TEST_F(ReconcilerTest, AZhostThatDoesNotAnswerHoldsBackNoOther) {
  spec.spaces.clear();
  for (int i = 0; i < 600; ++i) {
    auto& space = spec.spaces.emplace_back();
    space.name = format("s{:03}", i);
    space.config["c"] = std::string(1500, 'x');
  }
  rows.topology(spec);
  rows.hold = true;
  for (int i = 0; i < 600; ++i) rows.space(format("s{:03}", i), i % 2 ? "b" : "a", 1, "placed");
  rows.records.load(rows.rows);
  std::set<std::string> to_b;
  auto now = t0;
  for (int round = 0; round < 20; ++round, now += 1ms)
    for (const auto& places : plan(now).commands.places)
      if (places.zhost == "b") {
        for (const auto& command : places.batch.commands()) to_b.insert(command.header().space());
        reconciler.answered("b", places.bytes, places.names, now);
      }
  EXPECT_EQ(to_b.size(), 300u) << "a answered nothing";
}

TEST_F(ReconcilerTest, OnePlanIsBoundedAndTheNextGoesOnWhereItEnded) {
  constexpr std::size_t count = 3500;
  spec.spaces.clear();
  for (std::size_t i = 0; i < count; ++i) spec.spaces.emplace_back().name = format("s{:04}", i);
  rows.topology(spec);
  std::set<std::string> placed;
  int rounds = 0;
  for (bool more = true; more && rounds < 20; ++rounds) {
    const auto before = reconciler.looks();
    const auto planned = plan();
    more = planned.more;
    EXPECT_LE(planned.changes.size(), 1000u);
    EXPECT_LE(reconciler.looks() - before, 10'000u) << "with their neighbours and candidates";
    for (const auto& change : planned.changes)
      if (change.kind == "space") placed.insert(change.space.space());
    rows.records.apply(planned.changes);
  }
  EXPECT_GE(rounds, 4);
  EXPECT_LT(rounds, 20);
  EXPECT_EQ(placed.size(), count);
}

TEST_F(ReconcilerTest, TwiceAsManySpacesAreTwiceTheWorkAndWhatIsSettledIsNone) {
  const auto looks = [](std::size_t count) {
    ReconcilerTest::Body test;
    test.spec.spaces.clear();
    for (std::size_t i = 0; i < count; ++i)
      test.spec.spaces.emplace_back().name = format("s{:05}", i);
    for (std::size_t i = 0; i < count; ++i)
      test.spec.paths.push_back(
          {format("p{:05}", i), test.spec.spaces[i].name, test.spec.spaces[(i + 1) % count].name});
    test.rows.topology(test.spec);
    test.run_all();
    const auto all = test.reconciler.looks();
    test.plan(t0 + 10s);
    EXPECT_LT(test.reconciler.looks() - all, 20u) << "nothing changed";
    test.changes("a", "s00007", "failed");
    test.plan(t0 + 11s);
    EXPECT_LT(test.reconciler.looks() - all, 20u) << "one did";
    return all;
  };
  const auto once = looks(1000);
  EXPECT_GT(once, 1000u);
  EXPECT_LE(looks(2000) * 10, once * 22);
}

TEST_F(ReconcilerTest, ASpaceThatFailsAgainWaitsLongerAndOnlyFailuresOfLateCount) {
  rows.topology(spec);
  auto row = rows.space("x", "a", 1);
  row.set_restarts(50);
  rows.add("space", "t/x", row.SerializeAsString());
  const auto waited = [&](const std::string& zhost, std::uint64_t epoch, stdx::Instant from) {
    says(zhost, {{epoch, "failed"}});
    plan(from);
    for (auto now = from; now < from + 100s; now += 250ms)
      if (const auto planned = plan(now); space_of(planned)) {
        EXPECT_EQ(space_of(planned)->epoch(), epoch + 1);
        rows.records.apply(planned.changes);
        says(zhost, {}, epoch);
        return now - from;
      }
    return stdx::Duration(0);
  };
  EXPECT_EQ(waited("a", 1, t0), 1s) << "moves before, by deaths of zhosts, do not count";
  EXPECT_EQ(waited("b", 2, t0 + 10s), 2s);
  EXPECT_EQ(waited("a", 3, t0 + 20s), 4s);
  EXPECT_EQ(waited("b", 4, t0 + 20min), 1s) << "what was long ago is forgotten";
}

TEST_F(ReconcilerTest, P13ASpaceWhoseRowCannotBeReadIsNotPlacedASecondTime) {
  rows.topology(spec);
  rows.add("space", "t/x", "\xff\xff no record");
  EXPECT_EQ(rows.records.unreadable(), std::set<std::string>{"space/t/x"});
  const auto planned = plan();
  EXPECT_FALSE(space_of(planned));
  ASSERT_EQ(planned.changes.size(), 1u);
  EXPECT_EQ(planned.changes[0].topology.reason(),
            "the row of space x in the control plane's database cannot be read");
}

TEST_F(ReconcilerTest, AReasonIsCutBetweenCharactersSoThatItsRowCanBeReadAgain) {
  rows.topology(spec);
  for (auto& member : members) {
    std::string region;
    while (region.size() < 3000) region += "\xe2\x82\xac";
    member.set_region(region + member.zhost_id());
  }
  auto strict = spec;
  strict.spaces[0].placement.region = "eu";
  rows.topology(strict);
  const auto planned = plan();
  ASSERT_EQ(planned.changes.size(), 1u);
  EXPECT_LE(planned.changes[0].topology.reason().size(), 4096u);
  const auto bytes = planned.changes[0].topology.SerializeAsString();
  EXPECT_TRUE(wire::parse<v1::TopologyRecord>(bytes));
}

TEST_F(ReconcilerTest, NothingIsRememberedOfTopologiesThatAreGone) {
  rows.topology(spec);
  rows.space("x", "a", 1);
  says("a", {{1, "failed"}});
  plan();
  EXPECT_EQ(reconciler.remembered(), 1u) << "since when it failed";
  says("a", {});
  answer(plan(), t0);
  EXPECT_EQ(reconciler.remembered(), 2u) << "and that it was sent again";
  rows.rows.clear_records();
  rows.records.load(rows.rows);
  plan(t0 + 1s);
  EXPECT_EQ(reconciler.remembered(), 0u);
}

}  // namespace
}  // namespace zrms
