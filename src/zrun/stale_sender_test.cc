// SPDX-License-Identifier: Apache-2.0
// S1, P10: what a receiver takes of a sender that was replaced, where the zhosts do not know it
// all.
#include <gtest/gtest.h>

#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

constexpr std::uint64_t seeds = 20;

// Zhosts a, b and c. Each instance of `source` sends on one of its two paths to `sink`: the first
// on `two`, later ones on `one`.
struct TwoPaths : FakeCluster {
  int emitted = 0, sources = 0;
  std::vector<simkit::SinkEntry> log;

  explicit TwoPaths(std::uint64_t seed, std::uint32_t busy_ms = 0)
      : FakeCluster(seed, {"a", "b", "c"}) {
    auto& topology = disk.topology;
    topology.name = "flow";
    topology.owner = "test";
    for (const char* name : {"sink", "source"}) {
      auto& space = topology.spaces.emplace_back();
      space.name = space.entry = name;
    }
    topology.paths = {{"one", "source", "sink", model::Delivery::at_least_once},
                      {"two", "source", "sink", model::Delivery::at_least_once}};
    model::normalize(topology);
    guests = [this, busy_ms](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
      if (role == "sink") return std::make_unique<simkit::SinkGuest>(log, busy_ms);
      const bool first = ++sources == 1;
      return std::make_unique<simkit::SourceGuest>(first ? "two" : "one", 100'000, 5, emitted);
    };
    for (const auto& [zhost, ip] : ips) start_zrun(zhost);
    world.run_for(200ms);
  }
  bool comes_to(std::size_t count) {
    return world.run_until_true([&] { return log.size() >= count; }, 10s);
  }
};

// a is cut off from the leader only: its source goes on over the data link to c, on a path whose
// window knows no newer one.
TEST(StaleSenderTest, S1WhatCameOnOnePathRefusesTheOlderSenderOnTheOther) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    TwoPaths cluster(seed);
    cluster.place("source", "a", 1);
    cluster.place("sink", "c", 1);
    cluster.tell_directory();
    ASSERT_TRUE(cluster.comes_to(20));
    EXPECT_EQ(cluster.log.back().sender_epoch, 1u);
    EXPECT_EQ(cluster.place("source", "b", 2), "accepted");
    cluster.tell_directory({"b", "c"});
    ASSERT_TRUE(
        cluster.world.run_until_true([&] { return cluster.log.back().sender_epoch == 2; }, 10s));
    const auto from = cluster.log.size();
    ASSERT_TRUE(cluster.comes_to(from + 100));
    for (auto i = from; i < cluster.log.size(); ++i) EXPECT_EQ(cluster.log[i].sender_epoch, 2u);
  }
}

// What the old source on b still has for the sink, the new sink on b refuses, though the directory
// of b knows of no other source: the place command told.
TEST(StaleSenderTest, S1AReceiverPlacedAnewWhereTheDirectoryIsOldTakesNothingOfAReplacedSender) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    TwoPaths cluster(seed, /*busy_ms=*/20);
    cluster.place("source", "b", 1);
    cluster.place("sink", "a", 1);
    cluster.tell_directory();
    ASSERT_TRUE(cluster.comes_to(20));
    EXPECT_EQ(cluster.place("source", "a", 2), "accepted");
    cluster.tell_directory({"a"});
    ASSERT_TRUE(
        cluster.world.run_until_true([&] { return cluster.log.back().sender_epoch == 2; }, 30s));
    cluster.zrun["a"]->service->stop(cluster.stop_command("sink", 1));
    const auto from = cluster.log.size();
    EXPECT_EQ(cluster.place("sink", "b", 2), "accepted");
    cluster.world.run_for(2s);
    cluster.tell_directory();
    ASSERT_TRUE(cluster.comes_to(from + 20));
    for (auto i = from; i < cluster.log.size(); ++i) EXPECT_EQ(cluster.log[i].sender_epoch, 2u);
  }
}

}  // namespace
}  // namespace zrun
