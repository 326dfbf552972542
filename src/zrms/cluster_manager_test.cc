// SPDX-License-Identifier: Apache-2.0
#include "zrms/cluster_manager.h"

#include <gtest/gtest.h>

namespace zrms {
namespace {

using namespace std::chrono_literals;
using Kind = ClusterManager::Event::Kind;
using Life = ClusterManager::Life;
constexpr stdx::Instant t0{};

v1::Beat beat(const std::string& zhost, std::uint64_t incarnation, std::uint64_t counter,
              bool goodbye = false) {
  v1::Beat out;
  out.set_zhost(zhost);
  out.set_incarnation(incarnation);
  out.set_counter(counter);
  out.set_goodbye(goodbye);
  return out;
}
ClusterManager three() {
  ClusterManager manager({});
  for (const char* id : {"a", "b", "c"}) manager.expect(id, 1, t0);
  return manager;
}

// R-COMP-1: the ClusterManager of the published architecture.
TEST(ClusterManagerTest, RFail4SilenceIsSuspectThenDeadAndTheCallbackIsCalledOnce) {
  auto manager = three();
  int failures = 0;
  manager.failure_callback = [&](const auto& event) { failures += event.zhost == "c"; };
  for (std::uint64_t i = 1; i <= 50; ++i) {
    const auto now = t0 + i * 100ms;
    manager.beat(beat("a", 1, i), now);
    manager.beat(beat("b", 1, i), now);
    manager.check(now);
    if (now == t0 + 1s) {
      EXPECT_EQ(manager.life("c"), Life::suspect);
    }
    if (now == t0 + 3300ms) {
      EXPECT_EQ(failures, 0);
    }
  }
  EXPECT_EQ(manager.life("c"), Life::dead);
  EXPECT_EQ(failures, 1);
}

// R-HB-5, R-HB-6: a repeated word is no sign of life; a new one sets the time.
TEST(ClusterManagerTest, P9AnOldCounterOrIncarnationChangesNeitherStateNorSilence) {
  auto manager = three();
  EXPECT_TRUE(manager.beat(beat("a", 2, 5), t0));
  EXPECT_FALSE(manager.beat(beat("a", 2, 5), t0 + 900ms));
  EXPECT_FALSE(manager.beat(beat("a", 2, 4, true), t0 + 900ms));
  EXPECT_FALSE(manager.beat(beat("a", 1, 99), t0 + 900ms));
  EXPECT_EQ(manager.find("a")->last_heartbeat, t0);
  EXPECT_TRUE(manager.beat(beat("a", 3, 1), t0 + 1s)) << "a newer incarnation counts anew";
}

TEST(ClusterManagerTest,
     AZrunThatEndedIsToldOnceWithItsReasonAlsoWhereItWasUpAgainBetweenTwoBeats) {
  auto manager = three();
  std::uint64_t counter = 0;
  const auto says = [&](v1::ChildState state, std::uint32_t starts, const char* cause) {
    auto word = beat("a", 1, ++counter);
    auto& zrun = *word.add_children();
    zrun.set_name("zrun");
    zrun.set_state(state);
    zrun.set_starts(starts);
    zrun.set_cause(cause);
    EXPECT_TRUE(manager.beat(word, t0));
    return manager.take_zrun_ends();
  };
  EXPECT_TRUE(says(v1::CHILD_RESTARTING, 0, "").empty()) << "it has not started yet";
  EXPECT_TRUE(says(v1::CHILD_UP, 1, "").empty());
  v1::ResourceReport report;
  report.set_zhost("a");
  report.set_incarnation(1);
  report.set_counter(1);
  for (const char* name : {"x", "y"}) {
    report.add_spaces()->set_topology_id("t");
    report.mutable_spaces()->rbegin()->set_space(name);
  }
  manager.report(report, t0);
  const auto ends = says(v1::CHILD_RESTARTING, 1, "signal 9 (killed)");
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].zhost, "a");
  EXPECT_EQ(ends[0].cause, "signal 9 (killed)");
  EXPECT_EQ(ends[0].spaces, 2u);
  EXPECT_TRUE(says(v1::CHILD_DOWN, 1, "signal 9 (killed)").empty());
  EXPECT_TRUE(says(v1::CHILD_UP, 2, "signal 9 (killed)").empty());
  EXPECT_EQ(says(v1::CHILD_UP, 3, "exit code 3").size(), 1u) << "between two beats";
  EXPECT_TRUE(says(v1::CHILD_DOWN, 3, "").empty()) << "its zhost is stopping";
}

TEST(ClusterManagerTest, TheBrakeCountsZhostsThatDiedAndCameBackOnce) {
  auto manager = three();
  std::uint64_t counter = 0;
  const auto run = [&](stdx::Instant from, stdx::Instant to, std::vector<std::string> speaking) {
    std::vector<std::string> dead;
    for (auto now = from; now < to; now += 50ms) {
      ++counter;
      for (const auto& id : speaking) manager.beat(beat(id, 1, counter), now);
      for (const auto& event : manager.check(now))
        if (event.kind == Kind::dead) dead.push_back(event.zhost);
    }
    return dead;
  };
  EXPECT_EQ(run(t0, t0 + 3500ms, {"a", "b"}), std::vector<std::string>{"c"});
  // c is back; b has been silent since 3.5 s and is overdue within 5 s of that death.
  EXPECT_TRUE(run(t0 + 3500ms, t0 + 7s, {"a", "c"}).empty());
  EXPECT_EQ(run(t0 + 7s, t0 + 30s, {"a", "c"}), std::vector<std::string>{"b"});
}

TEST(ClusterManagerTest, TheBrakeHoldsFor15SecondsThenVerdictsThatStillStandProceed) {
  auto manager = three();
  std::vector<std::pair<std::string, stdx::Instant>> dead;
  std::uint64_t counter = 0;
  const auto run = [&](stdx::Instant from, stdx::Instant to, std::vector<std::string> speaking) {
    for (auto now = from; now < to; now += 50ms) {
      ++counter;
      for (const auto& id : speaking) manager.beat(beat(id, 1, counter), now);
      for (const auto& event : manager.check(now))
        if (event.kind == Kind::dead) dead.emplace_back(event.zhost, now);
    }
  };
  // b and c fall silent at once: two of three.
  run(t0, t0 + 5s, {"a"});
  EXPECT_TRUE(dead.empty());
  EXPECT_TRUE(manager.braking(t0 + 5s));
  EXPECT_EQ(manager.life("b"), Life::suspect);
  // c comes back during the pause; only b's verdict still stands.
  run(t0 + 5s, t0 + 25s, {"a", "c"});
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].first, "b");
  EXPECT_EQ(dead[0].second, t0 + 3400ms + 15s);
  EXPECT_FALSE(manager.braking(t0 + 25s));
}

TEST(ClusterManagerTest, TheBrakeLetsBothGoAfterItsPauseWhenBothAreStillSilent) {
  auto manager = three();
  std::vector<std::string> dead;
  for (std::uint64_t i = 1; i <= 500; ++i) {
    manager.beat(beat("a", 1, i), t0 + i * 50ms);
    for (const auto& event : manager.check(t0 + i * 50ms))
      if (event.kind == Kind::dead) dead.push_back(event.zhost);
  }
  EXPECT_EQ(dead, (std::vector<std::string>{"b", "c"}));
}

TEST(ClusterManagerTest, AGoodbyeIsEvidenceAtOnceAndTheNextLifeIsAliveAgain) {
  auto manager = three();
  std::vector<std::string> evidence;
  manager.failure_callback = [&](const auto& event) {
    evidence.push_back(event.zhost + ": " + event.evidence);
  };
  manager.beat(beat("c", 1, 1), t0);
  manager.beat(beat("c", 1, 2, true), t0 + 100ms);
  EXPECT_EQ(manager.life("c"), Life::dead);
  EXPECT_EQ(evidence, std::vector<std::string>{"c: goodbye"});
  // Said once: neither its repetition nor the silence that follows is a second failure.
  manager.beat(beat("c", 1, 2, true), t0 + 200ms);
  for (const char* id : {"a", "b"}) manager.beat(beat(id, 1, 1), t0 + 10s);
  for (const auto& event : manager.check(t0 + 10s)) EXPECT_NE(event.zhost, "a");
  EXPECT_EQ(evidence.size(), 1u);
  manager.beat(beat("c", 2, 1), t0 + 11s);
  EXPECT_EQ(manager.life("c"), Life::alive);
}

TEST(ClusterManagerTest, AGoodbyeOfTheOnlyOtherZhostNeedsNoBrake) {
  ClusterManager manager({});
  for (const char* id : {"a", "b"}) manager.expect(id, 1, t0);
  manager.beat(beat("b", 1, 1, true), t0 + 100ms);
  EXPECT_EQ(manager.life("b"), Life::dead);
  EXPECT_FALSE(manager.braking(t0 + 100ms));
}

TEST(ClusterManagerTest, P5ANewLeaderGivesEverybodyOneFullTimeoutFromItsTakeOver) {
  auto manager = three();
  // It heard nobody for a minute, and had one of them for dead.
  manager.beat(beat("c", 1, 1, true), t0 + 1s);
  manager.check(t0 + 1s);
  manager.take_over(t0 + 60s);
  for (const char* id : {"a", "b", "c"}) EXPECT_EQ(manager.life(id), Life::alive) << id;
  std::vector<std::string> dead;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    const auto now = t0 + 60s + i * 50ms;
    for (const char* id : {"a", "b"}) manager.beat(beat(id, 1, 100 + i), now);
    for (const auto& event : manager.check(now))
      if (event.kind == Kind::dead) {
        dead.push_back(event.zhost);
        EXPECT_EQ(now, t0 + 63400ms) << "one full timeout, no less";
      }
  }
  EXPECT_EQ(dead, std::vector<std::string>{"c"});
}

TEST(ClusterManagerTest, P5ATimeoutGivenByANewLeaderIsNoWordOfThatZhost) {
  auto manager = three();
  EXPECT_FALSE(manager.heard("a")) << "it registered, and said nothing yet";
  for (const char* id : {"a", "b", "c"}) manager.beat(beat(id, 1, 5), t0);
  EXPECT_TRUE(manager.heard("a"));
  manager.take_over(t0 + 60s);
  EXPECT_FALSE(manager.heard("a"));
  manager.beat(beat("a", 1, 5), t0 + 60s);
  EXPECT_FALSE(manager.heard("a")) << "P9: a delayed word of before says nothing";
  manager.beat(beat("a", 1, 6), t0 + 60s);
  EXPECT_TRUE(manager.heard("a"));
  EXPECT_FALSE(manager.heard("b"));
  manager.expect("a", 2, t0 + 61s);
  EXPECT_FALSE(manager.heard("a")) << "this life has not spoken";
}

TEST(ClusterManagerTest, P5ATakeOverEndsTheBrakeOfTheReignBefore) {
  auto manager = three();
  for (std::uint64_t i = 1; i <= 100; ++i) {
    manager.beat(beat("a", 1, i), t0 + i * 50ms);
    manager.check(t0 + i * 50ms);
  }
  ASSERT_TRUE(manager.braking(t0 + 5s));
  manager.take_over(t0 + 5s);
  EXPECT_FALSE(manager.braking(t0 + 5s));
}

TEST(ClusterManagerTest, P14SilenceCountsFromTheLastBeatHoweverLongNobodyChecked) {
  auto manager = three();
  for (const char* id : {"a", "b", "c"}) manager.beat(beat(id, 1, 50), t0 + 60s);
  for (const auto& event : manager.check(t0 + 60100ms)) EXPECT_NE(event.kind, Kind::dead);
}

TEST(ClusterManagerTest, AGoodbyeSaidThreeTimesIsOneDeath) {
  auto manager = three();
  int failures = 0;
  manager.failure_callback = [&](const auto&) { ++failures; };
  for (std::uint64_t i = 1; i <= 3; ++i) manager.beat(beat("c", 1, i, true), t0);
  EXPECT_EQ(failures, 1);
  for (const auto& event : manager.check(t0)) EXPECT_NE(event.kind, Kind::alive);
  EXPECT_FALSE(manager.beat(beat("c", 1, 2), t0)) << "older than its last word";
  EXPECT_EQ(manager.life("c"), Life::dead);
  EXPECT_TRUE(manager.beat(beat("c", 2, 1), t0));
  EXPECT_EQ(manager.life("c"), Life::alive);
  manager.beat(beat("c", 2, 2, true), t0);
  EXPECT_EQ(failures, 2) << "a new incarnation dies for itself";
}

TEST(ClusterManagerTest, P4WhatIsPlacedIsAFloorThoughTheReportDoesNotNameIt) {
  auto manager = three();
  v1::ResourceReport report;
  report.set_zhost("a");
  report.set_incarnation(1);
  report.set_counter(1);
  auto* space = report.add_spaces();
  space->set_topology_id("t");
  space->set_space("x");
  space->set_epoch(5);
  EXPECT_TRUE(manager.report(report, t0));
  EXPECT_EQ(manager.find("a")->floors.at({"t", "x"}), 5u);
}

}  // namespace
}  // namespace zrms
