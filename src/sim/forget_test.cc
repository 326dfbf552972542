// SPDX-License-Identifier: Apache-2.0
// R-DEC-6: a failed zhost is shown as unavailable until an operator has it forgotten.
#include <gtest/gtest.h>

#include <algorithm>

#include "samoza/v1/join.pb.h"
#include "sim/running_cluster.h"
#include "wire/json.h"
#include "wire/key_ring.h"

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

// Its startz is paused, so that it counts as dead; its zmesh and zrun run on and hold their links.
struct Revoking : Forgetting {
  std::size_t gone = (leader() + 1) % 3;
  std::string id = Cluster::id(gone);
  std::vector<std::size_t> others() {
    std::vector<std::size_t> list;
    for (std::size_t i = 0; i < cluster.size(); ++i)
      if (i != gone) list.push_back(i);
    return list;
  }
  // Of the cluster without it, which may run copies of its own as long as it is cut off.
  bool others_run() {
    return cluster.world.run_until_true(
        [&] {
          return cluster.leader() >= 0 &&
                 get(leader(), "/v1/topologies").body.find(R"("state":"running")") !=
                     std::string::npos;
        },
        60s);
  }
  bool linked(std::size_t zhost) { return cluster.zmesh_of(zhost)->peers().linked(id); }
  void forget_it() {
    cluster.join_token.clear();  // whoever stole it has none
    cluster.pause(gone, "startz");
    ASSERT_TRUE(dead(gone));
    ASSERT_TRUE(settle(60s));
    for (const auto other : others()) ASSERT_TRUE(linked(other)) << other;
    ASSERT_EQ(forget(leader(), gone).status, 200);
  }
};

TEST(ForgetTest, AForgottenZhostIsRefusedByEveryOtherWithinFiveSecondsThoughItHoldsItsLinks) {
  Revoking r;
  r.forget_it();
  EXPECT_TRUE(r.cluster.world.run_until_true(
      [&] {
        for (const auto other : r.others())
          if (r.linked(other)) return false;
        return !r.cluster.zmesh_of(r.gone)->control_plane().connected();
      },
      5s));
  EXPECT_TRUE(r.cluster.world.run_until_true(
      [&] { return wire::revoked_zhosts(r.cluster.revoked(r.leader())).size() == 1; }, 5s));
  // It tries on with its certificate, which would be good for a day.
  r.cluster.resume(r.gone, "startz");
  r.cluster.world.run_for(60s);
  for (const auto other : r.others()) EXPECT_FALSE(r.linked(other));
  EXPECT_FALSE(r.cluster.zmesh_of(r.gone)->control_plane().registered());
  EXPECT_NE(r.cluster.zmesh_of(r.gone)->credentials().trouble().find("was forgotten"),
            std::string::npos)
      << r.cluster.zmesh_of(r.gone)->credentials().trouble();
  EXPECT_FALSE(r.listed(r.gone));
}

TEST(ForgetTest, AForgottenZhostIsRefusedAlsoByZhostsThatStartedAnewWithoutTheControlPlane) {
  Revoking r;
  r.forget_it();
  r.cluster.world.run_for(5s);
  r.cluster.resume(r.gone, "startz");
  r.cluster.kill_control_plane();
  const auto other = r.others().front();
  r.cluster.kill_zhost(other);
  r.cluster.start_zhost(other);
  r.cluster.world.run_for(30s);
  EXPECT_FALSE(r.linked(other));
  EXPECT_EQ(wire::revoked_zhosts(r.cluster.revoked(other)).size(), 1u);
  r.cluster.start_control_plane();
  EXPECT_TRUE(r.others_run());
  EXPECT_FALSE(r.linked(other));
}

TEST(ForgetTest, ForgettingAZhostChangesTheKeyOfBeatsAndNobodyElseIsTakenForDead) {
  Revoking r;
  const auto before = wire::generation_of(r.cluster.keys(r.leader()));
  r.forget_it();
  const auto since = r.cluster.world.now();
  EXPECT_TRUE(r.cluster.world.run_until_true(
      [&] {
        for (const auto other : r.others())
          if (wire::generation_of(r.cluster.keys(other)) != before + 1) return false;
        return true;
      },
      5s));
  r.cluster.world.run_for(2min);  // past the overlap
  EXPECT_EQ(wire::generation_of(r.cluster.keys(r.gone)), before);
  EXPECT_EQ(r.logged("zhost_dead", since), nullptr);
  EXPECT_TRUE(r.others_run());
}

struct Joining : Forgetting {
  std::string token(const std::string& body = "{}") {
    std::optional<ports::HttpResponse> answer;
    ports::HttpRequest request;
    request.method = "POST";
    request.path = "/v1/cluster/join-tokens";
    request.body = body;
    cluster.zrms_of(leader())->handle(std::move(request),
                                      [&](ports::HttpResponse r) { answer = std::move(r); });
    EXPECT_TRUE(cluster.world.run_until_true([&] { return answer.has_value(); }, 30s));
    v1::JoinTokenMade made;
    EXPECT_TRUE(answer && wire::from_json(answer->body, made)) << (answer ? answer->body : "");
    return made.token();
  }
  // A new machine in place of that zhost.
  void replace(std::size_t zhost) {
    cluster.kill_zhost(zhost);
    EXPECT_TRUE(dead(zhost));
    EXPECT_EQ(forget(leader(), zhost).status, 200);
    cluster.set_credentials(zhost, {});
    cluster.start_zhost(zhost);
  }
  bool registered(std::size_t zhost, stdx::Duration bound) {
    return cluster.world.run_until_true(
        [&] {
          auto* zmesh = cluster.zmesh_of(zhost);
          return zmesh != nullptr && zmesh->control_plane().registered();
        },
        bound);
  }
};

TEST(ForgetTest, RJoin2AJoinTokenLetsOneMachineInAndTheNextOneIsToldWhoUsedIt) {
  Joining r;
  const auto lead = r.leader(), first = (lead + 1) % 3, second = (lead + 2) % 3;
  r.cluster.join_token = r.token(R"({"role":"local"})");
  r.replace(first);
  ASSERT_TRUE(r.registered(first, 30s));
  EXPECT_TRUE(r.settle(60s));
  const auto members = r.cluster.zmesh_of(lead)->members();
  EXPECT_EQ(std::count(members.supers().begin(), members.supers().end(), Cluster::id(first)), 0)
      << "it joined as one that never leads";
  EXPECT_EQ(members.supers_size(), 2);
  r.replace(second);
  EXPECT_FALSE(r.registered(second, 20s));
  EXPECT_NE(r.cluster.zmesh_of(second)->control_plane_trouble().find("was used already, by " +
                                                                     Cluster::id(first)),
            std::string::npos)
      << r.cluster.zmesh_of(second)->control_plane_trouble();
  r.cluster.join_token = r.token();
  EXPECT_TRUE(r.registered(second, 60s));
  EXPECT_TRUE(r.settle(60s));
}

}  // namespace
}  // namespace sim
