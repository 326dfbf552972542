// SPDX-License-Identifier: Apache-2.0
// Topologies that are large, or many at once: what passes the bounds of a link or of a batch must
// come in parts, and never cost the leader its term.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/cluster.h"
#include "stdx/text.h"

namespace sim {
namespace {

using namespace std::chrono_literals;

samoza::v1::TopologySpec large(const std::string& name, std::size_t spaces, std::size_t config) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < spaces; ++i) names.push_back(stdx::format("{}-{}", name, i));
  auto spec = call_topology(name, names, "quiet");
  for (auto& space : *spec.mutable_spaces()) {
    space.mutable_limits()->set_memory_bytes(1u << 20);
    auto* pair = space.add_config();
    pair->set_name("c");
    pair->set_value(std::string(config, 'x'));
  }
  return spec;
}

samoza::v1::TopologySpec ring(const std::string& name, std::size_t spaces) {
  auto spec = large(name, spaces, 10);
  for (int i = 0; i < spec.spaces_size(); ++i) {
    auto* path = spec.add_paths();
    path->set_name(stdx::format("p{:05}", i));
    path->set_from(spec.spaces(i).name());
    path->set_to(spec.spaces((i + 1) % spec.spaces_size()).name());
  }
  return spec;
}

struct LargeTest : testing::Test {
  Cluster cluster{{}};
  std::vector<int> statuses;

  void SetUp() override {
    ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.leader() >= 0; }, 30s));
  }
  void TearDown() override { EXPECT_EQ(cluster.checker.violation(), ""); }
  void submit(std::size_t zhost, const samoza::v1::TopologySpec& spec) {
    cluster.submit(zhost, spec, [this](ports::HttpResponse r) { statuses.push_back(r.status); });
  }
  bool answered(std::size_t all) {
    return cluster.world.run_until_true([&] { return statuses.size() == all; }, 30s);
  }
  std::string settled(stdx::Duration bound) {
    std::string why;
    for (const auto end = cluster.world.now() + bound; cluster.world.now() < end;) {
      if (cluster.settled(&why)) return "";
      cluster.world.run_for(100ms);
    }
    return why;
  }
  std::size_t logged(const std::string& event) const {
    return static_cast<std::size_t>(
        std::count_if(cluster.log.begin(), cluster.log.end(),
                      [&](const LogLine& line) { return line.event == event; }));
  }
};

TEST_F(LargeTest, P7ANewLeaderReadsRecordsThatFitNoFrame) {
  for (int i = 0; i < 7; ++i) submit(0, large(stdx::format("t{}", i), 1, 700'000));
  ASSERT_TRUE(answered(7));
  EXPECT_EQ(statuses, std::vector<int>(7, 200));
  EXPECT_EQ(settled(30s), "");
  const auto taken = logged("term_taken");
  cluster.kill_zhost(static_cast<std::size_t>(cluster.leader()));
  ASSERT_TRUE(cluster.world.run_until_true([&] { return logged("term_taken") > taken; }, 30s));
  EXPECT_EQ(settled(30s), "");
  EXPECT_EQ(logged("term_lost"), 0u);
}

TEST_F(LargeTest, ALargeTopologyRunsAndItsLeaderKeepsTheTerm) {
  submit(0, large("t", 300, 1500));
  ASSERT_TRUE(answered(1));
  EXPECT_EQ(statuses[0], 200);
  EXPECT_EQ(settled(60s), "");
  EXPECT_EQ(logged("term_lost"), 0u);
  EXPECT_EQ(logged("command_not_done"), 0u);
  // A zrun that starts anew gets all of its commands again.
  cluster.crash(0, "zrun");
  cluster.world.run_for(1s);
  EXPECT_EQ(settled(60s), "");
}

TEST_F(LargeTest, ARingOfTwoThousandSpacesRunsAndALostZhostsPartRunsAgain) {
  submit(0, ring("t", 2000));
  ASSERT_TRUE(answered(1));
  EXPECT_EQ(statuses[0], 200);
  EXPECT_EQ(settled(60s), "");
  const auto victim = static_cast<std::size_t>(cluster.leader() + 1) % 3;
  cluster.kill_zhost(victim);
  EXPECT_EQ(settled(60s), "");
  EXPECT_EQ(logged("term_lost"), 0u);
  EXPECT_EQ(logged("command_not_done"), 0u);
}

// The victim gets no beats: only a probe can come back refused.
TEST(ProbeTest, AZhostThatIsNoSuperAndIsGoneIsFoundByItsRefusal) {
  Cluster cluster({.zhosts = 5});
  ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.leader() >= 0; }, 30s));
  cluster.world.run_for(2s);
  const auto killed = cluster.world.now();
  cluster.kill_zhost(4);
  const LogLine* dead = nullptr;
  ASSERT_TRUE(cluster.world.run_until_true(
      [&] {
        for (const auto& line : cluster.log)
          if (line.event == "zhost_dead" && line.at >= killed) dead = &line;
        return dead != nullptr;
      },
      30s));
  EXPECT_EQ(dead->fields.at("dead"), Cluster::id(4));
  EXPECT_EQ(dead->fields.at("evidence"), "refused");
  EXPECT_LT(dead->at - killed, 1s) << "nobody waits for its silence to grow old";
}

TEST_F(LargeTest, ATopologyPastItsBoundIsRefused) {
  submit(0, large("t", 1, 2'900'000));
  ASSERT_TRUE(answered(1));
  EXPECT_EQ(statuses[0], 400);
}

TEST_F(LargeTest, OfManySubmitsOfOneNameOneIsTaken) {
  for (std::size_t i = 0; i < 8; ++i) submit(i % 3, large("t", 1, 100));
  ASSERT_TRUE(answered(8));
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 200), 1);
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 409), 7);
  EXPECT_EQ(settled(30s), "");
}

}  // namespace
}  // namespace sim
