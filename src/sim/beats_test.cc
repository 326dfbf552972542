// SPDX-License-Identifier: Apache-2.0
// Zhosts whose datagrams do not arrive: a network without UDP, and a cut that a third zhost gets
// around.
#include "sim/running_cluster.h"

namespace sim {
namespace {

std::size_t times_dead(const Cluster& cluster) {
  std::size_t count = 0;
  for (const auto& line : cluster.log) count += line.event == "zhost_dead" ? 1 : 0;
  return count;
}

TEST(BeatsTest, RFailWhereNoDatagramPassesZhostsAreHeardOverTheMeshAndADeadOneIsStillFound) {
  Running r({}, "quiet");
  auto& cluster = r.cluster;
  const auto x = cluster.instances("x"), y = cluster.instances("y");
  cluster.network.faults.loss_per_mille = 1000;
  cluster.world.run_for(30s);
  EXPECT_EQ(times_dead(cluster), 0u);
  EXPECT_EQ(cluster.instances("x"), x);
  EXPECT_EQ(cluster.instances("y"), y);
  const auto leader = static_cast<std::size_t>(cluster.leader());
  const auto shown = r.get(leader, "/v1/cluster/zhosts").body;
  EXPECT_NE(shown.find("its beats come over the mesh"), std::string::npos) << shown;
  cluster.kill_zhost((leader + 1) % cluster.size());
  ASSERT_TRUE(cluster.world.run_until_true([&] { return times_dead(cluster) == 1; }, 10s));
  ASSERT_TRUE(r.settle(30s));
}

TEST(BeatsTest, RFailAZhostThatTheLeaderReachesThroughAThirdOneOnlyIsNotDead) {
  Running r({}, "quiet");
  auto& cluster = r.cluster;
  const auto leader = static_cast<std::size_t>(cluster.leader());
  const auto cut = (leader + 1) % 3;
  for (const auto& [a, b] : {std::pair{leader, cut}, {cut, leader}})
    cluster.network.cut(Cluster::id(a), Cluster::id(b));
  cluster.world.run_for(30s);
  EXPECT_EQ(times_dead(cluster), 0u);
  EXPECT_EQ(cluster.leader(), static_cast<int>(leader));
  ASSERT_TRUE(r.settle(30s));
  // And it is given work, which comes through the third one, too.
  EXPECT_LT(r.submit(leader, "later").status, 300);
  ASSERT_TRUE(r.settle(30s));
}

}  // namespace
}  // namespace sim
