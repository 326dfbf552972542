// SPDX-License-Identifier: Apache-2.0
// R-DEC-6: a failed zhost is shown as unavailable until an operator has it forgotten.
#include <gtest/gtest.h>

#include "sim/running_cluster.h"

namespace sim {
namespace {

struct Forgetting : Running {
  std::size_t leader() { return static_cast<std::size_t>(cluster.leader()); }
  ports::HttpResponse forget(std::size_t at, std::size_t zhost) {
    return ask(at, "POST", "/v1/cluster/zhosts/" + Cluster::id(zhost) + "/forget");
  }
  bool listed(std::size_t zhost) {
    return get(leader(), "/v1/cluster/zhosts").body.find('"' + Cluster::id(zhost) + '"') !=
           std::string::npos;
  }
  bool dead(std::size_t zhost) {
    return cluster.world.run_until_true(
        [&] {
          return cluster.leader() >= 0 &&
                 cluster.zrms_of(leader())->cluster().life(Cluster::id(zhost)) ==
                     zrms::ClusterManager::Life::dead;
        },
        30s);
  }
};

TEST(ForgetTest, RDec6AZhostThatIsGoneForGoodLeavesTheListAndNothingWaitsForItAnyMore) {
  Forgetting r;
  const auto gone = r.home(r.home("x") == r.leader() ? "y" : "x");
  ASSERT_NE(gone, r.leader());
  EXPECT_EQ(r.forget(gone, gone).status, 409) << "it lives";
  EXPECT_EQ(r.ask(r.leader(), "POST", "/v1/cluster/zhosts/nobody/forget").status, 404);
  r.cluster.kill_zhost(gone);
  ASSERT_TRUE(r.dead(gone));
  EXPECT_TRUE(r.listed(gone)) << "shown as unavailable";
  r.cluster.checker.topology_ended(r.topology);
  // Deleted while it is away: its tombstones wait for it (P13).
  ASSERT_EQ(r.ask(r.leader(), "DELETE", "/v1/topologies/" + r.topology).status, 200);
  const auto tombstones = [&] {
    return r.cluster.zrms_of(r.leader())->leader().records().spaces();
  };
  EXPECT_FALSE(r.cluster.world.run_until_true([&] { return tombstones().empty(); }, 10s));
  const auto answer = r.forget((gone + 1) % 3, gone);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_TRUE(r.cluster.world.run_until_true([&] { return tombstones().empty(); }, 10s));
  EXPECT_FALSE(r.listed(gone));
  EXPECT_NE(r.get(r.leader(), "/v1/cluster").body.find("\"zhosts\":2"), std::string::npos);
  EXPECT_EQ(r.forget(r.leader(), gone).status, 404) << "once is enough";
}

TEST(ForgetTest, RDec6AForgottenZhostComesBackAsANewLifeAndTakesSpacesAgain) {
  Forgetting r;
  const auto gone = (r.leader() + 1) % 3;
  r.cluster.kill_zhost(gone);
  ASSERT_TRUE(r.dead(gone));
  ASSERT_TRUE(r.settle(60s));
  ASSERT_EQ(r.forget(r.leader(), gone).status, 200);
  r.cluster.start_zhost(gone);
  ASSERT_TRUE(r.cluster.world.run_until_true([&] { return r.listed(gone); }, 30s));
  ASSERT_TRUE(r.cluster.world.run_until_true(
      [&] {
        for (const auto& candidate : r.cluster.zrms_of(r.leader())->leader().candidates())
          if (candidate.zhost == Cluster::id(gone)) return candidate.available;
        return false;
      },
      30s));
  EXPECT_TRUE(r.settle(60s));
}

// A life that was forgotten may run on, cut off: it must not come back as if nothing had been.
TEST(ForgetTest, P13AForgottenLifeThatWasOnlyCutOffIsRefusedUntilItIsStartedAgain) {
  Forgetting r;
  const auto cut = (r.leader() + 1) % 3;
  for (const char* process : {"startz", "zmesh", "zrms", "zrun", "zbase"})
    r.cluster.pause(cut, process);
  ASSERT_TRUE(r.dead(cut));
  ASSERT_TRUE(r.settle(60s));
  ASSERT_EQ(r.forget(r.leader(), cut).status, 200);
  for (const char* process : {"startz", "zmesh", "zrms", "zrun", "zbase"})
    r.cluster.resume(cut, process);
  const auto since = r.cluster.world.now();
  // Its zmesh, at the latest when it is started again, must register.
  r.cluster.crash(cut, "zmesh");
  ASSERT_TRUE(
      r.cluster.world.run_until_true([&] { return r.logged("register_failed", since); }, 30s));
  EXPECT_FALSE(r.listed(cut));
  r.cluster.kill_zhost(cut);
  r.cluster.start_zhost(cut);
  EXPECT_TRUE(r.cluster.world.run_until_true([&] { return r.listed(cut); }, 30s));
  EXPECT_TRUE(r.settle(60s));
}

}  // namespace
}  // namespace sim
