// SPDX-License-Identifier: Apache-2.0
// The flows of the published architecture, on the product's own services and virtual time.
#include <gtest/gtest.h>

#include "sim/cluster.h"

namespace sim {
namespace {

using namespace std::chrono_literals;

struct Running {
  Cluster cluster;
  explicit Running(ClusterOptions options = {}) : cluster(std::move(options)) {
    EXPECT_TRUE(cluster.world.run_until_true([&] { return cluster.leader() >= 0; }, 30s));
    int status = 0;
    std::string body;
    cluster.submit(0, call_topology("t", {"x", "y"}), [&](ports::HttpResponse r) {
      status = r.status;
      body = r.body;
    });
    EXPECT_TRUE(cluster.world.run_until_true([&] { return status != 0; }, 30s));
    EXPECT_LT(status, 300) << body;
    EXPECT_TRUE(settle(60s));
  }
  ~Running() { EXPECT_EQ(cluster.checker.violation(), ""); }
  bool settle(stdx::Duration bound) {
    for (const auto end = cluster.world.now() + bound; cluster.world.now() < end;) {
      if (cluster.settled()) return true;
      cluster.world.run_for(50ms);
    }
    std::string why;
    if (cluster.settled(&why)) return true;
    for (const auto& line : cluster.log) {
      std::string fields;
      for (const auto& [name, value] : line.fields) fields += " " + name + "=" + value;
      printf("%lld %s %s%s\n", static_cast<long long>(stdx::to_ms(line.at.time_since_epoch())),
             line.process.c_str(), line.event.c_str(), fields.c_str());
    }
    ADD_FAILURE() << why;
    return false;
  }
  std::size_t home(const std::string& space) {
    const auto live = cluster.instances(space);
    EXPECT_EQ(live.size(), 1u);
    return live.empty() ? 99 : static_cast<std::size_t>(live[0][1] - '0');
  }
  const LogLine* logged(const std::string& event, stdx::Instant since) {
    for (const auto& line : cluster.log)
      if (line.event == event && line.at >= since) return &line;
    return nullptr;
  }
};

TEST(FlowsTest, RJoin1To6AZhostRegistersAndEveryoneKnowsTheSupersAndPeers) {
  Running r;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(r.cluster.zmesh_of(i)->members().peers_size(), 3);
    EXPECT_EQ(r.cluster.zmesh_of(i)->members().supers_size(), 3);
    EXPECT_EQ(r.cluster.zmesh_of(i)->members().leader(),
              Cluster::id(static_cast<std::size_t>(r.cluster.leader())));
  }
}

TEST(FlowsTest, RHb1To6TheLeaderHasAReportAndAHeartbeatOfEveryZhost) {
  Running r;
  const auto& manager = r.cluster.zrms_of(static_cast<std::size_t>(r.cluster.leader()))->cluster();
  r.cluster.world.run_for(11s);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto* zhost = manager.find(Cluster::id(i));
    ASSERT_NE(zhost, nullptr);
    EXPECT_TRUE(zhost->reported);
    EXPECT_GT(zhost->report.memory_total_bytes(), 0u);
    EXPECT_LT(r.cluster.world.now() - zhost->last_heartbeat, 1s);
  }
}

TEST(FlowsTest, RFail4To8EveryZhostMayDieAndItsSpacesComeBackElsewhere) {
  for (std::size_t victim = 0; victim < 3; ++victim) {
    Running r;
    const auto killed = r.cluster.world.now();
    r.cluster.kill_zhost(victim);
    ASSERT_TRUE(r.settle(20s)) << "victim " << victim;
    EXPECT_NE(r.home("x"), victim);
    EXPECT_NE(r.home("y"), victim);
    EXPECT_NE(r.home("x"), r.home("y"));
    r.cluster.world.run_for(5s);
    EXPECT_NE(r.logged("zhost_dead", killed), nullptr);
    // Joining zhosts move nothing.
    r.cluster.start_zhost(victim);
    const auto before = r.home("x");
    r.cluster.world.run_for(10s);
    EXPECT_EQ(r.home("x"), before);
    EXPECT_TRUE(r.settle(1s));
  }
}

TEST(FlowsTest, RFail11WithThePublishedTimesADeathIsFound30To35SecondsAfterTheLastHeartbeat) {
  ClusterOptions options;
  options.beat_interval = 10s;
  options.zrms.report_interval = 10s;
  options.zrms.check_interval = 5s;
  options.zrms.detection.timeout = 30s;
  options.zrms.detection.suspect_after = 15s;
  Running r(options);
  r.cluster.world.run_for(60s);
  const auto leader = static_cast<std::size_t>(r.cluster.leader());
  const auto killed = r.cluster.world.now();
  r.cluster.kill_zhost((leader + 1) % 3);
  r.cluster.world.run_for(60s);
  const auto* dead = r.logged("zhost_dead", killed);
  ASSERT_NE(dead, nullptr);
  const auto silence = std::stoll(dead->fields.at("silence_ms"));
  EXPECT_GE(silence, 30'000);
  EXPECT_LE(silence, 35'100);
  EXPECT_TRUE(r.settle(20s));
}

TEST(FlowsTest, P3AZrunThatComesBackInTimeKeepsItsEpochAndNothingMoves) {
  Running r;
  const auto at = r.home("x");
  const auto before = r.cluster.instances("x");
  r.cluster.crash(at, "zrun");
  r.cluster.world.run_for(100ms);
  ASSERT_TRUE(r.settle(5s));
  EXPECT_EQ(r.cluster.instances("x"), before);
}

TEST(FlowsTest, AnArchiveIsBackOnThreeDisksAfterAHolderIsLostForGood) {
  ClusterOptions options;
  options.zhosts = 4;
  Running r(options);
  const auto& records = [&]() -> const zrms::Records& {
    return r.cluster.zrms_of(static_cast<std::size_t>(r.cluster.leader()))->leader().records();
  };
  const auto holders = [&] {
    const auto& list = records().by_name("t")->record.blob_holders();
    return std::set<std::string>(list.begin(), list.end());
  };
  const auto before = holders();
  ASSERT_EQ(before.size(), 3u);
  const auto victim = static_cast<std::size_t>((*before.begin())[1] - '0');
  r.cluster.kill_zhost(victim);
  ASSERT_TRUE(r.settle(20s));
  EXPECT_EQ(holders(), before) << "it may come back";
  r.cluster.world.run_for(60s);
  EXPECT_EQ(holders().size(), 3u);
  EXPECT_FALSE(holders().contains(Cluster::id(victim)));
}

TEST(FlowsTest, S12ALostDatabaseAloneMovesNothing) {
  Running r;
  const auto x = r.cluster.instances("x"), y = r.cluster.instances("y");
  const auto since = r.cluster.world.now();
  r.cluster.database.fault = [] { return adapters::store_memory::Fault::unavailable; };
  r.cluster.world.run_for(60s);
  r.cluster.database.fault = {};
  ASSERT_TRUE(r.settle(30s));
  EXPECT_EQ(r.cluster.instances("x"), x);
  EXPECT_EQ(r.cluster.instances("y"), y);
  EXPECT_EQ(r.logged("zhost_dead", since), nullptr);
}

TEST(FlowsTest, AKilledZmeshOrZrmsOrControlPlaneMovesNoSpace) {
  Running r;
  const auto x = r.cluster.instances("x"), y = r.cluster.instances("y");
  for (std::size_t i = 0; i < 3; ++i) {
    for (const char* child : {"zmesh", "zrms"}) r.cluster.crash(i, child);
    r.cluster.world.run_for(2s);
  }
  r.cluster.kill_control_plane();
  r.cluster.world.run_for(20s);
  r.cluster.start_control_plane();
  ASSERT_TRUE(r.settle(60s));
  EXPECT_EQ(r.cluster.instances("x"), x);
  EXPECT_EQ(r.cluster.instances("y"), y);
}

}  // namespace
}  // namespace sim
