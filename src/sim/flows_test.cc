// SPDX-License-Identifier: Apache-2.0
// The flows of the published architecture, on the product's own services and virtual time.
#include <gtest/gtest.h>

#include <optional>

#include "sim/running_cluster.h"
#include "stdx/encoding.h"
#include "wire/data_frame.h"
#include "wire/frame.h"

namespace sim {
namespace {

using namespace std::chrono_literals;

TEST(FlowsTest, RJoin1To3AZhostRegistersAndEveryoneKnowsTheSupersAndPeers) {
  Running r;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(r.cluster.zmesh_of(i)->members().peers_size(), 3);
    EXPECT_EQ(r.cluster.zmesh_of(i)->members().supers_size(), 3);
    EXPECT_EQ(r.cluster.zmesh_of(i)->members().leader(),
              Cluster::id(static_cast<std::size_t>(r.cluster.leader())));
  }
}

TEST(FlowsTest, RHb4And6TheLeaderHasAReportAndAHeartbeatOfEveryZhost) {
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

// R-FAIL-9: by itself.
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

TEST(FlowsTest, P5ASpaceSubmittedRightAfterAChangeOfLeaderGoesToNoDeadZhost) {
  ClusterOptions options;
  options.zhosts = 4;
  Running r(options);
  auto& cluster = r.cluster;
  const auto leader = static_cast<std::size_t>(cluster.leader());
  const std::size_t dead = leader == 3 ? 2 : 3;
  cluster.kill_zhost(dead);
  cluster.world.run_for(10s);
  cluster.crash(leader, "zrms");
  const auto since = cluster.world.now();
  int status = 0;
  while (status != 200 && cluster.world.now() < since + 20s) {
    status = 0;
    cluster.submit(leader == 0 ? 1 : 0, call_topology("late", {"u", "v", "w"}, "quiet"),
                   [&](ports::HttpResponse reply) { status = reply.status; });
    cluster.world.run_until_true([&] { return status != 0; }, 30s);
    cluster.world.run_for(10ms);
  }
  ASSERT_EQ(status, 200);
  ASSERT_TRUE(r.settle(20s));
  for (const auto& line : cluster.log)
    if (line.event == "space_placed" && line.at >= since) {
      EXPECT_NE(line.fields.at("on"), Cluster::id(dead)) << line.fields.at("space");
    }
}

TEST(FlowsTest, RTopoOperatorsWhoStopAndStartAtTheSameMomentGetNoConflict) {
  Running r;
  auto& cluster = r.cluster;
  const auto since = cluster.world.now();
  cluster.checker.topology_ended(r.topology);  // an operator says so, if for a moment
  std::vector<ports::HttpResponse> answers;
  for (int i = 0; i < 10; ++i) {
    for (const char* what : {"stop", "start"})
      cluster.http(static_cast<std::size_t>(i) % 3, "POST",
                   "/v1/topologies/" + r.topology + "/" + what,
                   [&](ports::HttpResponse answer) { answers.push_back(std::move(answer)); });
    cluster.world.run_for(1ms);
  }
  ASSERT_TRUE(cluster.world.run_until_true([&] { return answers.size() == 20; }, 30s));
  for (const auto& answer : answers) EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(r.logged("batch_not_committed", since), nullptr);
  EXPECT_EQ(r.logged("records_read", since), nullptr) << "nothing went wrong";
}

// R-DEC-7: at the first check at or past the time-out.
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

TEST(FlowsTest, TheArchivesOfADeletedTopologyAndOfARefusedSubmitLeaveEveryDiskAndNoOthersDo) {
  ClusterOptions options;
  options.zrms.archives_unused_for = 20s;
  Running r(options);
  const auto on_disks = [&] {
    std::size_t count = 0;
    for (std::size_t i = 0; i < r.cluster.size(); ++i) count += r.cluster.disk(i).size();
    return count;
  };
  ASSERT_EQ(on_disks(), 3u);
  r.cluster.world.run_for(2s);  // the leader looks once a second at what each zhost has
  // Refused, as there is one of that name; its archive was stored by then.
  int status = 0;
  r.cluster.submit(1, call_topology("t", {"p", "q", "r"}),
                   [&](ports::HttpResponse reply) { status = reply.status; });
  ASSERT_TRUE(r.cluster.world.run_until_true([&] { return status != 0; }, 30s));
  EXPECT_EQ(status, 409);
  EXPECT_EQ(on_disks(), 4u);
  r.cluster.world.run_for(15s);
  EXPECT_EQ(on_disks(), 4u) << "a submit might still be under way";
  ASSERT_TRUE(r.cluster.world.run_until_true([&] { return on_disks() == 3; }, 120s));
  EXPECT_EQ(r.cluster.metric(1, "zrms", "samoza_zrms_archives_removed_total"), 1);
  r.cluster.world.run_for(120s);
  EXPECT_EQ(on_disks(), 3u) << "those of a topology that is there stay";
  status = 0;
  r.cluster.checker.topology_ended(r.topology);
  r.cluster.http(0, "DELETE", "/v1/topologies/" + r.topology,
                 [&](ports::HttpResponse reply) { status = reply.status; });
  ASSERT_TRUE(r.cluster.world.run_until_true([&] { return on_disks() == 0; }, 180s)) << status;
}

TEST(FlowsTest, ATopologyThatPassesTheSpacesOfAllZhostsIsRefusedAtSubmitWithTheLimitsName) {
  ClusterOptions options;
  options.spaces_max = 2;
  Running r(options);  // two spaces run on three zhosts that take two each
  const auto submit = [&](const std::string& name, const std::vector<std::string>& spaces) {
    std::optional<ports::HttpResponse> answer;
    r.cluster.submit(1, call_topology(name, spaces), [&](auto reply) { answer = reply; });
    EXPECT_TRUE(r.cluster.world.run_until_true([&] { return answer.has_value(); }, 30s));
    return *answer;
  };
  const auto refused = submit("five", {"a", "b", "c", "d", "e"});
  EXPECT_EQ(refused.status, 429) << refused.body;
  EXPECT_NE(refused.body.find("topology 'five' has 5 spaces, but the zhosts take only 4 more "
                              "(zrun.limits.spaces: z0 has "),
            std::string::npos)
      << refused.body;
  EXPECT_LT(submit("four", {"a", "b", "c", "d"}).status, 300);
  EXPECT_TRUE(r.settle(30s)) << "and placement keeps to what each takes";
}

TEST(FlowsTest, SubmitPassesOverAZhostThatDoesNotAnswerAndAsksAnother) {
  ClusterOptions options;
  options.zhosts = 5;
  Running r(options);
  auto& cluster = r.cluster;
  const auto leader = static_cast<std::size_t>(cluster.leader());
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < 5; ++i)
    if (i != leader) others.push_back(i);
  // The first two that would be asked; their beats go on.
  for (std::size_t i : {others[0], others[1]}) cluster.pause(i, "zrms");
  const auto asked = cluster.world.now();
  auto answer = r.submit(leader, "late");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_LT(cluster.world.now() - asked, 3s);
  const auto* row = cluster.zrms_of(leader)->leader().records().by_name("late");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->record.blob_holders_size(), 3);
  for (const auto& holder : row->record.blob_holders()) {
    EXPECT_NE(holder, Cluster::id(others[0]));
    EXPECT_NE(holder, Cluster::id(others[1]));
  }
  // With a third one silent there are not three, and none is promised.
  cluster.pause(others[2], "zrms");
  answer = r.submit(leader, "later");
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.body.find("2 of 3 zhosts took the archives"), std::string::npos) << answer.body;
  for (std::size_t i = 0; i < 3; ++i) cluster.resume(others[i], "zrms");
  ASSERT_TRUE(r.settle(60s));
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

TEST(FlowsTest, S12WithoutAControlPlaneEveryZhostSaysWhyThereIsNoLeaderAndWhatToDo) {
  Running r;
  auto& cluster = r.cluster;
  cluster.kill_control_plane();
  cluster.world.run_for(10s);
  const auto says_why = [](const std::string& body) {
    return body.find("the cluster has no leader: control plane") != std::string::npos &&
           body.find("bring the control plane back") != std::string::npos;
  };
  for (std::size_t zhost = 0; zhost < 3; ++zhost) {
    for (const char* path :
         {"/v1/topologies", "/v1/topologies/t", "/v1/cluster", "/v1/cluster/zhosts"}) {
      const auto answer = r.get(zhost, path);
      EXPECT_EQ(answer.status, 503);
      EXPECT_TRUE(says_why(answer.body)) << zhost << path << ": " << answer.body;
    }
    std::string body;
    cluster.submit(zhost, call_topology("t2", {"u"}, "quiet"),
                   [&](ports::HttpResponse answer) { body = answer.body; });
    EXPECT_TRUE(cluster.world.run_until_true([&] { return !body.empty(); }, 30s));
    EXPECT_TRUE(says_why(body)) << zhost << ": " << body;
  }
  cluster.start_control_plane();
  ASSERT_TRUE(r.settle(60s));
}

TEST(FlowsTest, AZhostWhoseLeaderJustDiedNamesItAndSaysThatAnotherTakesOver) {
  Running r;
  const auto leader = static_cast<std::size_t>(r.cluster.leader());
  r.cluster.crash(leader, "zrms");
  const auto answer = r.get(leader == 0 ? 1 : 0, "/v1/topologies");
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.body.find("zhost " + Cluster::id(leader) + ", which led the cluster"),
            std::string::npos)
      << answer.body;
  EXPECT_NE(answer.body.find("try again"), std::string::npos) << answer.body;
  ASSERT_TRUE(r.settle(60s));
}

// R-SVC-12, R-ISO-1, R-ISO-2: each service has its own concern.
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

// R-ROLE-8: and without a declared path nothing comes.
TEST(FlowsTest, RSend1To4AMessageGivenToTheZmeshOfItsSenderComesToASpaceOnAnotherZhost) {
  Running r({}, "quiet");
  const auto x = r.home("x"), y = r.home("y");
  ASSERT_NE(x, y);
  EXPECT_EQ(r.send(x, "link", "outside 1"), 200);
  ASSERT_TRUE(r.came_to_y(1, 5s));
  EXPECT_EQ(r.cluster.stage.outside[0].space, "y");
  EXPECT_EQ(r.cluster.stage.outside[0].sender, "x");
  EXPECT_EQ(r.cluster.stage.outside[0].text, "outside 1");
  EXPECT_EQ(r.send(y, "link", "outside 2"), 200) << "it is passed on to the zhost of its sender";
  EXPECT_EQ(r.send(x, "nowhere", "outside 3"), 403) << "R-SEND-5: no declared path";
  EXPECT_TRUE(r.came_to_y(2, 5s));
  r.cluster.world.run_for(2s);
  EXPECT_EQ(r.cluster.stage.outside.size(), 2u);
}

TEST(FlowsTest, RSend9WhereNoDataLinkCanBeMadeAMessageGoesThroughTheZmeshesOfAThirdZhost) {
  Running r({}, "quiet");
  auto& cluster = r.cluster;
  const auto x = r.home("x"), y = r.home("y"), third = 3 - x - y;
  // The leader hears everyone: nobody is declared dead while x and y are parted (L7).
  for (const auto zhost : {x, y}) cluster.pause(zhost, "zrms");
  cluster.world.run_for(6s);
  for (const auto zhost : {x, y}) cluster.resume(zhost, "zrms");
  ASSERT_TRUE(cluster.world.run_until_true(
      [&] { return cluster.leader() == static_cast<int>(third); }, 30s));
  ASSERT_TRUE(r.settle(30s));
  ASSERT_EQ(r.home("x"), x);
  ASSERT_EQ(r.home("y"), y);
  cluster.network.cut(Cluster::id(x), Cluster::id(y));
  cluster.network.cut(Cluster::id(y), Cluster::id(x));
  EXPECT_EQ(r.send(x, "link", "outside 1"), 200);
  ASSERT_TRUE(r.came_to_y(1, 60s));
  EXPECT_GT(cluster.metric(third, "zmesh", "samoza_zmesh_relayed_total"), 0);
  EXPECT_EQ(r.send(x, "link", "outside 2"), 200);
  ASSERT_TRUE(r.came_to_y(2, 2s)) << "the way is known now";
  EXPECT_EQ(cluster.stage.outside[1].text, "outside 2");
  EXPECT_EQ(r.home("y"), y);
}

// A process on the zhost of x that speaks to the zrun of y as a zrun does.
struct Forger {
  Running& r;
  std::size_t x, y;
  simkit::Process process;
  std::unique_ptr<ports::Transport> transport;
  std::unique_ptr<ports::Link> link;
  simkit::StubIdentity identity;
  bool greeted = false;

  explicit Forger(Running& running)
      : r(running),
        x(r.home("x")),
        y(r.home("y")),
        process(r.cluster.world, Cluster::id(x), "forger"),
        transport(
            r.cluster.network.transport(process, stdx::format("127.0.0.{}", x + 1), &identity)),
        identity(r.cluster.certifier, process) {
    // The zhost is stolen: its certificate of data links is used.
    const auto& own = r.cluster.credentials(x);
    EXPECT_TRUE(identity.use({own.data_key(), own.data_certificate()},
                             {"sim", {own.authorities().begin(), own.authorities().end()}, {}}));
  }
  // The zrun of x takes its link back soon, so each frame goes over a new one.
  void connect() {
    link.reset();
    transport->connect(ports::Endpoint::data(stdx::format("127.0.0.{}", y + 1), 9201),
                       [this](auto made) { link = std::move(*made); });
    EXPECT_TRUE(r.cluster.world.run_until_true([&] { return link != nullptr; }, 5s));
    greeted = false;
    link->start({.on_frame = [this](const stdx::Bytes&) { greeted = true; },
                 .on_closed = [](const auto&) {},
                 .on_writable = [] {}});
    samoza::v1::PeerHello hello;
    hello.set_cluster_id("sim");
    hello.set_zhost(Cluster::id(x));
    hello.set_incarnation(1);
    link->send(wire::encode_frame(wire::FrameKind::data_hello, hello));
    EXPECT_TRUE(r.cluster.world.run_until_true([&] { return greeted; }, 5s));
  }
  // A message from x to y, along path 0, as it should be.
  wire::DataHeader header() const {
    wire::DataHeader h;
    const auto id = stdx::uuid_to_bytes(r.topology);
    std::copy(id.begin(), id.end(), h.topology.begin());
    h.to_space = 1;
    h.from_epoch = h.to_epoch = h.from_run = 1;
    h.seq = 1;
    return h;
  }
  double counted(const std::string& what) {
    return r.cluster.metric(y, "zrun", "samoza_zrun_" + what + "_total");
  }
  // What the frame adds to that counter of y's zrun.
  double refused(const wire::DataHeader& h, const std::string& counter) {
    connect();
    const auto before = counted(counter);
    link->send(wire::encode_data_frame(h, "outside forged"));
    r.cluster.world.run_for(100ms);
    return counted(counter) - before;
  }
};

// R-SEND-7: nor against the direction of a path.
TEST(FlowsTest, RSend8AndS1ForgedAndStaleDataFramesAreRefusedAndCounted) {
  Running r({}, "quiet");
  ASSERT_EQ(r.send(r.home("x"), "link", "outside 1"), 200);
  ASSERT_TRUE(r.came_to_y(1, 5s));
  Forger forger(r);
  auto undeclared = forger.header();
  undeclared.path = 7;
  EXPECT_EQ(forger.refused(undeclared, "refused_frames"), 1);
  auto backwards = forger.header();
  std::swap(backwards.from_space, backwards.to_space);
  backwards.from_epoch = 2;
  EXPECT_EQ(forger.refused(backwards, "refused_frames"), 1);
  auto others = forger.header();
  others.from_space = 1;
  others.to_space = 0;
  EXPECT_EQ(forger.refused(others, "refused_frames"), 1) << "y is not on the zhost of x";
  auto elsewhere = forger.header();
  elsewhere.topology[0] = static_cast<char>(elsewhere.topology[0] ^ 1);
  EXPECT_EQ(forger.refused(elsewhere, "refused_frames"), 1) << "a topology without a part here";
  auto stale = forger.header();
  stale.from_epoch = 0;
  EXPECT_EQ(forger.refused(stale, "stale_messages"), 1);
  auto unknown = forger.header();
  unknown.type = wire::DataType::open;
  unknown.from_epoch = 9;
  EXPECT_EQ(forger.refused(unknown, "stale_messages"), 1) << "P10: the directory never told it";
  EXPECT_EQ(r.cluster.stage.outside.size(), 1u);
}

}  // namespace
}  // namespace sim
