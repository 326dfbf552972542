// SPDX-License-Identifier: Apache-2.0
#include "startz/beats.h"

#include <gtest/gtest.h>

#include "simkit/network.h"
#include "simkit/stub_key.h"

namespace startz {
namespace {

// The beats of zhost a, whose list has b.
struct Fixture {
  simkit::World world{1};
  simkit::Network network{world};
  simkit::Process process{world, "a", "startz"};
  ports::Runtime runtime = process.runtime();
  std::unique_ptr<ports::Transport> transport = network.transport(process, "127.0.0.1");
  simkit::StubKey key;
  v1::MembersChanged members;
  std::vector<std::pair<std::string, Beats::BeatReply>> asked;
  std::vector<v1::Beat> heard;
  Beats beats{runtime, *transport, key, members, {.cluster_id = "test", .zhost = "a", .from = {}}};

  Fixture() {
    members.add_peers()->set_zhost_id("b");
    beats.set_members();
    beats.make = [](bool) { return v1::Beat(); };
    beats.ask_over_mesh = [this](const std::string& zhost, Beats::BeatReply done) {
      asked.emplace_back(zhost, std::move(done));
    };
    beats.on_beat = [this](const stdx::Bytes& bytes) {
      EXPECT_TRUE(heard.emplace_back().ParseFromString(bytes));
    };
  }
  static v1::Beat beat(const std::string& cluster, const std::string& zhost) {
    v1::Beat beat;
    beat.set_cluster_id(cluster);
    beat.set_zhost(zhost);
    beat.set_counter(5);
    return beat;
  }
  std::uint64_t count() {
    return runtime.metrics.counter("samoza_startz_beats_over_mesh_total", "").value();
  }
};

TEST(BeatsTest, ASilentZhostIsAskedOverTheMeshNowAndThenAndItsBeatSaysSo) {
  Fixture f;
  for (int i = 0; i < 3; ++i) f.beats.probe("b");
  ASSERT_EQ(f.asked.size(), 1u);
  EXPECT_EQ(f.asked[0].first, "b");
  f.asked[0].second(Fixture::beat("test", "b"));
  ASSERT_EQ(f.heard.size(), 1u);
  EXPECT_TRUE(f.heard[0].over_mesh());
  EXPECT_EQ(f.heard[0].counter(), 5u);
  EXPECT_EQ(f.count(), 1u);
  f.world.run_for(Beats::ask_every);
  f.beats.probe("b");
  EXPECT_EQ(f.asked.size(), 2u);
}

TEST(BeatsTest, WhatIsNoBeatOfThatMemberOfThisClusterIsNotHeard) {
  Fixture f;
  const stdx::Result<v1::Beat> answers[] = {Fixture::beat("other", "b"), Fixture::beat("test", "c"),
                                            stdx::fail(stdx::Code::timeout, "no answer in time")};
  for (const auto& answer : answers) {
    f.world.run_for(Beats::ask_every);
    f.beats.probe("b");
    f.asked.back().second(answer);
  }
  f.world.run_for(Beats::ask_every);
  f.beats.probe("b");
  f.members.clear_peers();
  f.beats.set_members();
  f.asked.back().second(Fixture::beat("test", "b"));
  EXPECT_EQ(f.asked.size(), 4u);
  EXPECT_TRUE(f.heard.empty());
  EXPECT_EQ(f.count(), 0u);
}

}  // namespace
}  // namespace startz
