// SPDX-License-Identifier: Apache-2.0
// What a space said in its former lives: over a restart in place, the death of zrun and a deletion.
#include <gtest/gtest.h>

#include <optional>

#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

// One space on zhost "a", or on another one after a move.
struct Logs : FakeCluster {
  std::vector<simkit::SinkEntry> taken;
  Logs() : FakeCluster(5, {"a", "b"}) {
    auto& topology = disk.topology;
    topology.name = "app";
    topology.owner = "test";
    auto& space = topology.spaces.emplace_back();
    space.name = space.entry = "x";
    space.limits.log_bytes_per_second = 64u << 10;
    model::normalize(topology);
    guests = [this](const std::string&) { return std::make_unique<simkit::SinkGuest>(taken, 0); };
    start_zrun("a");
    start_zrun("b");
    world.run_for(200ms);
    EXPECT_EQ(place("x", "a", 1, 1), "accepted");
    world.run_for(200ms);
  }
  Space& space(const std::string& zhost = "a") {
    return const_cast<Space&>(*zrun.at(zhost)->service->spaces().space("", "x"));
  }
  v1::LogsReply ask(const std::string& zhost, bool all, std::uint64_t after_seq = 0) {
    v1::SpaceDetailRequest request;
    request.set_topology(id);
    request.set_space("x");
    request.set_all_lives(all);
    request.set_after_epoch(after_seq > 0 ? 1 : 0);
    request.set_after_run(after_seq > 0 ? 1 : 0);
    request.set_after_seq(after_seq);
    std::optional<stdx::Result<v1::SpaceDetail>> answer;
    zrun.at(zhost)->service->details().detail(request,
                                              [&](auto found) { answer = std::move(found); });
    EXPECT_TRUE(world.run_until_true([&] { return answer.has_value(); }, 5s));
    EXPECT_TRUE(*answer);
    return *answer ? (*answer)->logs() : v1::LogsReply();
  }
  static std::vector<std::string> texts(const v1::LogsReply& logs) {
    std::vector<std::string> list;
    for (const auto& record : logs.records()) list.push_back(record.text());
    return list;
  }
};
using Texts = std::vector<std::string>;

TEST(SpaceLogsTest, ALineHasItsLevelItsTimeAndTheInstanceThatSaidIt) {
  Logs cluster;
  cluster.space().log().write(2, "careful");
  const auto logs = cluster.ask("a", false);
  ASSERT_EQ(logs.records_size(), 1);
  const auto& record = logs.records(0);
  EXPECT_EQ(record.level(), "warn");
  EXPECT_EQ(record.epoch(), 1u);
  EXPECT_EQ(record.run(), 1u);
  EXPECT_EQ(record.time().size(), std::string("2026-11-24T08:26:11.042Z").size()) << record.time();
  EXPECT_EQ(logs.lines(0), record.time().substr(0, 19) + "Z careful") << "as other tools read it";
  EXPECT_EQ(logs.zhost(), "a");
  EXPECT_EQ(logs.epoch(), 1u);
}

TEST(SpaceLogsTest, SeveralLinesOfOneCallStayLines) {
  Logs cluster;
  cluster.space().log().write(1, "one\r\ntwo\n\n  three\n");
  EXPECT_EQ(Logs::texts(cluster.ask("a", false)), (Texts{"one", "two", "  three"}));
}

TEST(SpaceLogsTest, WhatTheFormerRunSaidOutlivesTheDeathOfZrun) {
  Logs cluster;
  cluster.space().log().write(3, "the last words");
  cluster.zrun["a"].reset();
  cluster.start_zrun("a");
  cluster.world.run_for(200ms);
  ASSERT_EQ(cluster.place("x", "a", 1, 2), "accepted");
  cluster.world.run_for(200ms);
  cluster.space().log().write(1, "here again");
  EXPECT_EQ(Logs::texts(cluster.ask("a", false)), (Texts{"here again"}));
  const auto all = cluster.ask("a", true);
  EXPECT_EQ(Logs::texts(all), (Texts{"the last words", "here again"}));
  EXPECT_EQ(all.records(0).run(), 1u);
  EXPECT_EQ(all.run(), 2u);
}

TEST(SpaceLogsTest, AfterAMoveTheFormerZhostStillHasWhatItSaidThere) {
  Logs cluster;
  cluster.space().log().write(1, "on a");
  cluster.zrun.at("a")->service->stop(cluster.stop_command("x", 1));
  cluster.world.run_for(200ms);
  ASSERT_EQ(cluster.place("x", "b", 2, 1), "accepted");
  cluster.world.run_for(200ms);
  cluster.space("b").log().write(1, "on b");
  const auto former = cluster.ask("a", true);
  EXPECT_EQ(Logs::texts(former), (Texts{"on a"}));
  EXPECT_EQ(former.epoch(), 0u) << "no instance is there";
  EXPECT_EQ(Logs::texts(cluster.ask("b", true)), (Texts{"on b"}));
}

TEST(SpaceLogsTest, WhoFollowsGetsOnlyWhatCameAfterTheLineItHas) {
  Logs cluster;
  for (const char* text : {"one", "two", "three"}) cluster.space().log().write(1, text);
  EXPECT_EQ(Logs::texts(cluster.ask("a", false, 2)), (Texts{"three"}));
  EXPECT_EQ(Logs::texts(cluster.ask("a", true, 2)), (Texts{"three"}));
  EXPECT_TRUE(Logs::texts(cluster.ask("a", false, 3)).empty());
}

TEST(SpaceLogsTest, ADiskThatFailsLeavesWhatIsInMemory) {
  Logs cluster;
  cluster.said["a"].broken = true;
  cluster.space().log().write(1, "one");
  EXPECT_EQ(Logs::texts(cluster.ask("a", true)), (Texts{"one"}));
}

TEST(SpaceLogsTest, TheDeletionOfATopologyRemovesThem) {
  Logs cluster;
  cluster.space().log().write(1, "one");
  auto stop = cluster.stop_command("x", 1);
  stop.set_remove_data(true);
  cluster.zrun.at("a")->service->stop(stop);
  cluster.world.run_for(200ms);
  EXPECT_TRUE(Logs::texts(cluster.ask("a", true)).empty());
  EXPECT_TRUE(cluster.said["a"].lines.empty());
}

}  // namespace
}  // namespace zrun
