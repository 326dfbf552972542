// SPDX-License-Identifier: Apache-2.0
// What the published documentation says of topologies and heartbeats, as an operator sees it.
#include <gtest/gtest.h>

#include <set>

#include "sim/running_cluster.h"
#include "stdx/text.h"
#include "wire/json.h"

namespace sim {
namespace {

using namespace std::chrono_literals;

struct Published : Running {
  using Running::Running;
  std::size_t leader() { return static_cast<std::size_t>(cluster.leader()); }
  v1::TopologyView view() {
    v1::TopologyView out;
    const auto answer = get(leader(), "/v1/topologies/" + topology);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(wire::from_json(answer.body, out)) << answer.body;
    return out;
  }
  bool becomes(const std::string& state, stdx::Duration bound) {
    const auto end = cluster.world.now() + bound;
    while (cluster.world.now() < end) {
      if (cluster.leader() >= 0 && view().state() == state) return true;
      cluster.world.run_for(50ms);
    }
    return false;
  }
  v1::ZhostView zhost(std::size_t index) {
    v1::ZhostsReply list;
    EXPECT_TRUE(wire::from_json(get(leader(), "/v1/cluster/zhosts").body, list));
    for (const auto& entry : list.zhosts())
      if (entry.zhost_id() == Cluster::id(index)) return entry;
    return {};
  }
  std::string state_of_zhost(std::size_t index) { return zhost(index).state(); }
  std::string mode_of_zhost(std::size_t index) { return zhost(index).mode(); }
};

// R-TOPO-9: pending until every space has a zhost; R-TOPO-10; R-TOPO-16; R-DEC-22: lower case.
TEST(PublishedTest, RTopo9And10ATopologyIsPendingUntilItIsPlacedAndThenRunning) {
  ClusterOptions options;
  options.zhosts = 2;
  Published r(options);
  EXPECT_EQ(r.topology.size(), 36u);
  const auto running = r.view();
  EXPECT_EQ(running.state(), "running");
  EXPECT_TRUE(stdx::is_rfc3339(running.created())) << "R-SHELL-15";
  EXPECT_TRUE(stdx::is_rfc3339(running.updated()));
  for (const auto& placement : running.placements()) EXPECT_EQ(placement.state(), "running");
  // Three that must be apart from each other do not fit on two zhosts now; they may later.
  model::Topology apart;
  apart.name = "apart";
  apart.owner = "sim";
  for (const char* name : {"a", "b", "c"}) {
    auto& space = apart.spaces.emplace_back();
    space.name = name;
    space.entry = "quiet";
  }
  apart.spaces[0].placement.anti_affinity = {"b", "c"};
  apart.spaces[1].placement.anti_affinity = {"c"};
  model::normalize(apart);
  std::string body;
  r.cluster.submit(r.leader(), wire::to_wire(apart), [&](auto answer) { body = answer.body; });
  ASSERT_TRUE(r.cluster.world.run_until_true([&] { return !body.empty(); }, 30s));
  const auto mark = body.find("\"topology_id\":\"");
  if (mark != std::string::npos) {
    r.topology = body.substr(mark + 15, 36);
    r.cluster.world.run_for(10s);
    EXPECT_EQ(r.view().state(), "pending");
    EXPECT_NE(r.view().reason().find("has no zhost"), std::string::npos) << r.view().reason();
    r.cluster.checker.topology_ended(r.topology);
    EXPECT_EQ(r.ask(r.leader(), "DELETE", "/v1/topologies/" + r.topology).status, 200);
    r.cluster.world.run_for(10s);
  } else {
    ADD_FAILURE() << body;
  }
}

// R-DEC-5: the other space of the topology keeps its place. R-FAIL-6 and R-DEC-30: the zhost is
// unavailable, and still a member. R-TOPO-14 and R-OPS-2.
TEST(PublishedTest, RTopo11ATopologyIsDegradedWhileASpaceOfAFailedZhostIsPlacedAgain) {
  ClusterOptions options;
  options.zhosts = 4;
  Published r(options);
  const auto victim = r.home(r.home("x") == r.leader() ? "y" : "x");
  const auto other = r.home("x") == victim ? "y" : "x";
  ASSERT_NE(victim, r.leader());
  const auto stays = r.cluster.instances(other);
  r.cluster.kill_zhost(victim);
  ASSERT_TRUE(r.becomes("degraded", 30s));
  ASSERT_TRUE(r.becomes("running", 30s));
  EXPECT_EQ(r.cluster.instances(other), stays);
  EXPECT_EQ(r.state_of_zhost(victim), "unavailable");
  const auto counted = [&](const char* what) {
    return r.cluster.metric(r.leader(), "zrms", std::string("samoza_zrms_") + what);
  };
  EXPECT_EQ(counted("leads"), 1);
  EXPECT_EQ(counted("zhosts_failed_total"), 1);
  EXPECT_EQ(counted("topologies_degraded_total"), 1);
  EXPECT_EQ(counted("topologies_failed_total"), 0);
  EXPECT_NE(r.get(r.leader(), "/v1/cluster").body.find("\"zhosts\":4"), std::string::npos);
}

// R-FAIL-10 and R-FUT-5: it says why, and is tried again when a zhost fits.
TEST(PublishedTest, RTopo13ATopologyWhoseSpacesFindNoZhostIsFailed) {
  ClusterOptions options;
  options.zhosts = 2;
  Published r(options);
  const auto victim = (r.leader() + 1) % 2;
  r.cluster.kill_zhost(victim);
  ASSERT_TRUE(r.becomes("failed", 60s)) << "x and y must be apart";
  EXPECT_NE(r.view().reason().find("has no zhost"), std::string::npos) << r.view().reason();
  r.cluster.start_zhost(victim);
  EXPECT_TRUE(r.settle(60s));
}

TEST(PublishedTest, RTopo12AStoppedTopologyHasNoSpacesLoadedAndIsStopped) {
  Published r;
  r.cluster.checker.topology_ended(r.topology);
  ASSERT_EQ(r.ask(r.leader(), "POST", "/v1/topologies/" + r.topology + "/stop").status, 200);
  ASSERT_TRUE(r.becomes("stopped", 30s));
  EXPECT_TRUE(r.cluster.instances("x").empty());
  EXPECT_TRUE(r.cluster.instances("y").empty());
}

// R-FUT-2: and R-ROLE-7, what is deployed is the topology.
TEST(PublishedTest, RPlace6AZhostThatJoinsMovesNothingAndTakesWhatIsSubmittedNext) {
  ClusterOptions options;
  options.zhosts = 3;
  Published r(options);
  const std::size_t late = (r.leader() + 1) % 3;
  r.cluster.kill_zhost(late);
  ASSERT_TRUE(r.settle(60s));
  const auto x = r.cluster.instances("x"), y = r.cluster.instances("y");
  r.cluster.start_zhost(late);
  r.cluster.world.run_for(30s);
  EXPECT_EQ(r.cluster.instances("x"), x);
  EXPECT_EQ(r.cluster.instances("y"), y);
  ASSERT_EQ(r.submit(r.leader(), "late").status, 200);
  ASSERT_TRUE(r.settle(60s));
  EXPECT_EQ(r.home("u"), late) << "R-JOIN-5: it is eligible, and has the fewest spaces";
}

// R-ROLE-3: a local zhost reports to the leader. R-COMP-5: from the zrms of each zhost; R-HB-4:
// what a report has in it.
TEST(PublishedTest, RHb2EachZhostReportsToTheLeaderEveryTenSeconds) {
  ClusterOptions options;
  options.zhosts = 4;
  options.zrms.report_interval = 10s;
  Published r(options);
  const auto& manager = r.cluster.zrms_of(r.leader())->cluster();
  const std::size_t local = 3;  // the first three are supers
  EXPECT_EQ(r.mode_of_zhost(local), "local");
  const auto& report = [&]() -> const v1::ResourceReport& {
    return manager.find(Cluster::id(local))->report;
  };
  r.cluster.world.run_for(20s);
  std::set<std::uint64_t> counters;
  std::uint64_t last = 0;
  for (int i = 0; i < 600; ++i) {
    r.cluster.world.run_for(100ms);
    EXPECT_GE(report().counter(), last) << "it only grows";
    last = report().counter();
    counters.insert(last);
  }
  EXPECT_GE(counters.size(), 6u) << "in a minute in which nothing changes";
  EXPECT_LE(counters.size(), 8u);
  EXPECT_GT(report().memory_total_bytes(), 0u);
  EXPECT_GT(report().disk_total_bytes(), 0u);
  EXPECT_EQ(manager.find(Cluster::id(r.home("x")))->spaces.size(), 1u);
}

// R-HB-3: to the leader's zrms, over the zmeshes of both zhosts.
TEST(PublishedTest, RHb1TheReportIsTheMessageZrmsResourceReport) {
  ClusterOptions options;
  options.zhosts = 4;
  Published r(options);
  auto& world = r.cluster.world;
  const std::size_t local = 3;  // it runs no space
  const auto& manager = r.cluster.zrms_of(r.leader())->cluster();
  simkit::Process process(world, Cluster::id(local), "reporter");
  auto runtime = process.runtime();
  const auto transport = r.cluster.network.transport(process, "127.0.0.4");
  v1::Hello hello;
  hello.set_service("reporter");
  hello.set_zhost(Cluster::id(local));
  rpc::ServiceBus bus(runtime, *transport, {"zmesh", hello});
  bus.start();
  ASSERT_TRUE(world.run_until_true([&] { return bus.connected(); }, 5s));
  const auto taken = [&](const std::string& method) {
    auto report = manager.find(Cluster::id(local))->report;
    report.set_counter(manager.find(Cluster::id(local))->report_counter + 1);
    report.set_base(0);
    report.set_disk_used_bytes(report.disk_used_bytes() + 4711);
    bool good = false;
    bus.request(rpc::address(Cluster::id(r.leader()), "zrms"), method, report.SerializeAsString(),
                5s, [&](auto reply) { good = reply.has_value(); });
    world.run_for(20ms);
    return good &&
           manager.find(Cluster::id(local))->report.disk_used_bytes() == report.disk_used_bytes();
  };
  EXPECT_FALSE(taken("zrms.report"));
  EXPECT_TRUE(taken("zrms.resource_report"));
}

TEST(PublishedTest, RHb3AReportGoesThroughTheZmeshOfItsZhost) {
  ClusterOptions options;
  options.zrms.report_interval = 500ms;
  Published r(options);
  const auto local = (r.leader() + 1) % 3;
  const auto counter = [&] {
    return r.cluster.zrms_of(r.leader())->cluster().find(Cluster::id(local))->report.counter();
  };
  const auto first = counter();
  r.cluster.world.run_for(2s);
  EXPECT_GT(counter(), first) << "the interval is a setting";
  // startz's beats go on, and startz waits 5 s for a zmesh that does not answer.
  r.cluster.pause(local, "zmesh");
  r.cluster.world.run_for(100ms);
  const auto before = counter();
  r.cluster.world.run_for(3s);
  EXPECT_EQ(counter(), before);
  r.cluster.resume(local, "zmesh");
  r.cluster.world.run_for(2s);
  EXPECT_GT(counter(), before);
  EXPECT_TRUE(r.settle(60s));
}

}  // namespace
}  // namespace sim
