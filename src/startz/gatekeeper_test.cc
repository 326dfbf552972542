// SPDX-License-Identifier: Apache-2.0
#include "startz/gatekeeper.h"

#include <gtest/gtest.h>

#include <set>

#include <string>

#include "stdx/encoding.h"

namespace startz {
namespace {

v1::CommandHeader header(std::uint64_t term, std::uint64_t epoch, std::uint64_t incarnation = 7) {
  v1::CommandHeader h;
  h.set_term(term);
  h.set_zhost("a");
  h.set_incarnation(incarnation);
  h.set_topology_id(stdx::uuid_from(1, 2));
  h.set_space("x");
  h.set_epoch(epoch);
  return h;
}
v1::PlaceCommand place(std::uint64_t term, std::uint64_t epoch, std::uint64_t incarnation = 7) {
  v1::PlaceCommand command;
  *command.mutable_header() = header(term, epoch, incarnation);
  return command;
}
v1::StopCommand stop(std::uint64_t term, std::uint64_t epoch) {
  v1::StopCommand command;
  *command.mutable_header() = header(term, epoch);
  return command;
}

v1::SpaceReport report_of(std::uint32_t run, const std::string& state) {
  v1::SpaceReport report;
  report.set_topology_id(stdx::uuid_from(1, 2));
  report.set_space("x");
  report.set_epoch(1);
  report.set_run(run);
  report.set_state(state);
  return report;
}

TEST(GatekeeperTest, P4ARepeatedPlaceIsAlreadyThere) {
  Gatekeeper keeper("a", 7);
  EXPECT_EQ(keeper.place(place(1, 1)).outcome(), "accepted");
  EXPECT_EQ(keeper.place(place(1, 1)).outcome(), "already");
}

TEST(GatekeeperTest, P4ALowerTermIsRefusedAndToldTheHighestOne) {
  Gatekeeper keeper("a", 7);
  keeper.place(place(3, 1));
  const auto reply = keeper.place(place(2, 5));
  EXPECT_EQ(reply.outcome(), "refused");
  EXPECT_EQ(reply.highest_term(), 3u);
  EXPECT_EQ(keeper.stop(stop(2, 5)).outcome(), "refused");
}

TEST(GatekeeperTest, P4AnotherIncarnationIsRefusedAndItsTermIsNotTaken) {
  Gatekeeper keeper("a", 7);
  EXPECT_EQ(keeper.place(place(9, 1, 6)).outcome(), "refused");
  EXPECT_EQ(keeper.highest_term(), 0u);
}

TEST(GatekeeperTest, P4APlaceAtOrBelowTheFloorNeverStartsAnEpochAgain) {
  Gatekeeper keeper("a", 7);
  keeper.place(place(1, 2));
  keeper.drop_all();
  const auto late = keeper.place(place(1, 2));
  EXPECT_EQ(late.outcome(), "refused");
  EXPECT_EQ(late.floor(), 2u);
  EXPECT_EQ(keeper.place(place(1, 3)).outcome(), "accepted");
}

TEST(GatekeeperTest, P2AStopSetsTheFloorEvenWhereTheSpaceDoesNotRun) {
  Gatekeeper keeper("a", 7);
  EXPECT_EQ(keeper.stop(stop(1, 4)).outcome(), "accepted");
  EXPECT_EQ(keeper.place(place(1, 4)).outcome(), "refused");
  ASSERT_EQ(keeper.floors().size(), 1u);
  EXPECT_EQ(keeper.floors()[0].epoch(), 4u);
}

TEST(GatekeeperTest, P4AStopBelowWhatRunsIsRefused) {
  Gatekeeper keeper("a", 7);
  keeper.place(place(1, 5));
  EXPECT_EQ(keeper.stop(stop(1, 4)).outcome(), "refused");
  EXPECT_EQ(keeper.placed().size(), 1u);
  EXPECT_EQ(keeper.stop(stop(1, 5)).outcome(), "accepted");
  EXPECT_TRUE(keeper.placed().empty());
}

// S17: they become part of a file name in zrun; `startz.stop` may remove that file.
TEST(GatekeeperTest, S17ACommandWhoseNamesCouldLeadOutOfAFolderIsRefused) {
  Gatekeeper keeper("a", 7);
  auto command = stop(1, 1);
  command.set_remove_data(true);
  for (const char* id : {"../../x", "", "t", "/etc/passwd"}) {
    command.mutable_header()->set_topology_id(id);
    EXPECT_EQ(keeper.stop(command).outcome(), "refused") << id;
  }
  *command.mutable_header() = header(1, 1);
  for (const char* space : {"../x", "", "a/b", "."}) {
    command.mutable_header()->set_space(space);
    EXPECT_EQ(keeper.stop(command).outcome(), "refused") << space;
  }
  EXPECT_TRUE(keeper.floors().empty());
}

TEST(GatekeeperTest, P9AReportOfAnOlderRunChangesNothing) {
  Gatekeeper keeper("a", 7);
  keeper.place(place(1, 1));
  auto report = report_of(2, "running");
  EXPECT_TRUE(keeper.report(report));
  EXPECT_FALSE(keeper.report(report));
  report.set_run(1);
  report.set_state("failed");
  EXPECT_FALSE(keeper.report(report));
  EXPECT_EQ(keeper.placed().begin()->second.report.state(), "running");
}

// What it stored since then is not begun anew by a restart in place.
TEST(GatekeeperTest, P3ASpaceThatWasRunningIsStartedAgainInPlaceToFindItsStore) {
  Gatekeeper keeper("a", 7);
  keeper.place(place(1, 1));
  auto report = report_of(1, "initializing");
  ASSERT_TRUE(keeper.report(report));
  const auto expected = [&] { return keeper.placed().begin()->second.command.data_expected(); };
  EXPECT_FALSE(expected()) << "it may have stored nothing yet";
  report.set_state("running");
  ASSERT_TRUE(keeper.report(report));
  EXPECT_TRUE(expected());
}

TEST(GatekeeperTest, P13FloorsOfDeletedSpacesGoOnlyOnceALaterTermRefusesWhatIsLate) {
  Gatekeeper keeper("a", 7);
  auto bury = stop(1, 2);
  bury.set_remove_data(true);
  for (std::size_t i = 0; i < Gatekeeper::floors_max; ++i) {
    bury.mutable_header()->set_space("s" + std::to_string(i));
    ASSERT_EQ(keeper.stop(bury).outcome(), "accepted");
  }
  auto late = place(1, 1);
  late.mutable_header()->set_space("s0");
  EXPECT_EQ(keeper.place(place(1, 1)).outcome(), "refused") << "no room within that term";
  EXPECT_EQ(keeper.place(late).outcome(), "refused") << "the floor stands";
  EXPECT_EQ(keeper.place(place(2, 1)).outcome(), "accepted") << "the room of what was deleted";
  EXPECT_TRUE(keeper.floors().empty());
  EXPECT_EQ(keeper.place(late).outcome(), "refused") << "its term is over";
  EXPECT_EQ(keeper.placed().size(), 1u);
  auto again = stop(2, 2);
  again.mutable_header()->set_space("s0");
  EXPECT_EQ(keeper.stop(again).floor(), 2u) << "who still waits for the floor gets it again";
}

TEST(GatekeeperTest, NoMoreSpacesArePlacedThanZrunTakesAndAStopMakesRoom) {
  Gatekeeper keeper("a", 7, 2);
  auto next = place(1, 1);
  for (const char* space : {"s0", "s1"}) {
    next.mutable_header()->set_space(space);
    EXPECT_EQ(keeper.place(next).outcome(), "accepted");
  }
  next.mutable_header()->set_space("s2");
  const auto reply = keeper.place(next);
  EXPECT_EQ(reply.outcome(), "refused");
  EXPECT_EQ(reply.reason(), "zhost 'a' has 2 spaces, its limit (zrun.limits.spaces)");
  EXPECT_EQ(reply.floor(), 0u) << "it left no trace";
  auto newer = place(1, 2);
  newer.mutable_header()->set_space("s1");
  EXPECT_EQ(keeper.place(newer).outcome(), "accepted") << "it takes the place of its former epoch";
  auto first = stop(1, 1);
  first.mutable_header()->set_space("s0");
  EXPECT_EQ(keeper.stop(first).outcome(), "accepted");
  EXPECT_EQ(keeper.place(next).outcome(), "accepted");
}

TEST(GatekeeperTest, TheSpacesOfATopologyShareItsTextAndZrunGetsItWithEach) {
  Gatekeeper keeper("a", 7);
  auto next = place(1, 1);
  next.mutable_topology()->set_name("shared");
  for (const char* space : {"s0", "s1", "s2"}) {
    next.mutable_header()->set_space(space);
    ASSERT_EQ(keeper.place(next).outcome(), "accepted");
  }
  next.mutable_header()->set_space("s3");
  next.mutable_topology()->set_name("another");
  ASSERT_EQ(keeper.place(next).outcome(), "accepted");
  std::set<const std::string*> texts;
  for (const auto& [key, placed] : keeper.placed()) {
    texts.insert(placed.topology.get());
    EXPECT_FALSE(placed.command.has_topology());
    v1::TopologySpec spec;
    ASSERT_TRUE(spec.ParseFromString(*placed.topology));
    EXPECT_EQ(spec.name(), key.second == "s3" ? "another" : "shared");
    EXPECT_EQ(placed.command.header().space(), key.second);
  }
  EXPECT_EQ(texts.size(), 2u);
}

TEST(GatekeeperTest, P13FloorsOfSpacesThatMayComeBackStay) {
  Gatekeeper keeper("a", 7);
  auto moved = stop(1, 2);
  for (std::size_t i = 0; i < Gatekeeper::floors_max; ++i) {
    moved.mutable_header()->set_space("s" + std::to_string(i));
    keeper.stop(moved);
  }
  EXPECT_EQ(keeper.place(place(2, 1)).outcome(), "refused");
  EXPECT_EQ(keeper.floors().size(), Gatekeeper::floors_max);
}

}  // namespace
}  // namespace startz
