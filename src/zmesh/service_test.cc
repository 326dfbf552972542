// SPDX-License-Identifier: Apache-2.0
#include "zmesh/service.h"

#include <gtest/gtest.h>

#include "simkit/http.h"
#include "simkit/network.h"
#include "stdx/encoding.h"
#include "wire/data_frame.h"
#include "wire/json.h"
#include "zmesh/testing/fake_control_plane.h"
#include "zmesh/testing/fake_node.h"

namespace zmesh {
namespace {

using namespace std::chrono_literals;

struct Node : FakeNode {
  std::vector<stdx::Bytes> data;
  std::vector<v1::PeersUpdate> peers;

  Node(simkit::World& world, simkit::Network& network, simkit::HttpNetwork& web,
       const std::string& id, const std::string& ip)
      : FakeNode(world, network, web, id, ip, "zrun") {
    zrun().on_data = [this](stdx::Bytes frame) { data.push_back(std::move(frame)); };
    zrun().on("zrun.peers",
              [this](const rpc::Caller&, stdx::BytesView body, rpc::Response respond) {
                peers.push_back(*wire::parse<v1::PeersUpdate>(body));
                respond(stdx::Bytes());
              });
    zrun().start();
  }
  rpc::ServiceBus& zrun() { return *other; }
};

struct Cluster {
  simkit::World world;
  simkit::Network network{world};
  simkit::HttpNetwork web{world, network};
  FakeControlPlane control_plane{world, network, web};
  Node a{world, network, web, "a", "127.0.0.1"}, b{world, network, web, "b", "127.0.0.2"},
      c{world, network, web, "c", "127.0.0.3"};
  const std::string topology = stdx::uuid_from(1, 2);

  explicit Cluster(std::uint64_t seed = 9) : world(seed) {
    EXPECT_TRUE(world.run_until_true(
        [&] {
          return a.service->peers().size() == 2 && b.service->peers().size() == 2 &&
                 c.service->peers().size() == 2;
        },
        10s));
    world.run_for(100ms);
  }
  void place(const std::string& x_on, std::uint64_t epoch_x, const std::string& y_on,
             std::uint64_t epoch_y) {
    v1::DirectoryUpdate update;
    update.set_term(1);
    update.set_complete(true);
    update.set_part(1);
    for (auto [space, index, zhost, epoch] :
         {std::tuple{"x", 0u, x_on, epoch_x}, {"y", 1u, y_on, epoch_y}}) {
      auto* entry = update.add_entries();
      entry->set_topology_id(topology);
      entry->set_space(space);
      entry->set_space_index(index);
      entry->set_zhost(zhost);
      entry->set_epoch(epoch);
    }
    for (auto* node : {&a, &b, &c})
      node->zrun().notify(rpc::address("", "zmesh"), "zmesh.directory", update.SerializeAsString());
    world.run_for(100ms);
  }
  // Pings until the cut between a and b is seen: without traffic nobody notices one.
  bool a_and_b_part() {
    for (int i = 0; i < 600; ++i) {
      a.service->ping("b", 100ms, [](auto) {});
      b.service->ping("a", 100ms, [](auto) {});
      world.run_for(100ms);
      if (!a.service->peers().linked("b") && !b.service->peers().linked("a")) return true;
    }
    return false;
  }
  stdx::Bytes message(std::uint64_t from_epoch = 1) {
    wire::DataHeader header;
    const auto id = stdx::uuid_to_bytes(topology);
    std::copy(id.begin(), id.end(), header.topology.begin());
    header.from_space = 0;
    header.to_space = 1;
    header.from_epoch = from_epoch;
    header.seq = 1;
    return wire::encode_data_frame(header, "hello");
  }
};

// R-JOIN-4: after registering, zmesh links to its supers and peers.
TEST(ZmeshTest, AReplyThatANewerListOfMembersOvertookDoesNotUndoIt) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) Cluster cluster(seed);  // waits for all links
}

TEST(ZmeshTest, RJoin1And2ZmeshOpensTheLinkThenRegistersOnTheSamePort) {
  Cluster cluster;
  ASSERT_GE(cluster.control_plane.order.size(), 2u);
  const auto& order = cluster.control_plane.order;
  EXPECT_EQ(order[0], "POST /v1/certificates");
  EXPECT_LT(std::find(order.begin(), order.end(), "link"),
            std::find(order.begin(), order.end(), "POST /v1/register"));
  EXPECT_NE(std::find(order.begin(), order.end(), "POST /v1/register"), order.end());
  EXPECT_EQ(cluster.a.service->members().peers_size(), 3);
}

TEST(ZmeshTest, RSend3And4AMessageGoesToTheZhostOfItsSpaceAndToItsZrun) {
  Cluster cluster;
  cluster.place("a", 1, "b", 1);
  EXPECT_TRUE(cluster.a.zrun().send_data(cluster.message()));
  ASSERT_TRUE(cluster.world.run_until_true([&] { return !cluster.b.data.empty(); }, 1s));
  EXPECT_EQ(wire::parse_data_frame(cluster.b.data[0])->payload, "hello");
  EXPECT_TRUE(cluster.c.data.empty());
}

TEST(ZmeshTest, RSend9AMessageIsRelayedThroughAThirdZhostWhenTheDirectWayIsCut) {
  Cluster cluster;
  cluster.place("a", 1, "b", 1);
  cluster.network.cut("a", "b");
  cluster.network.cut("b", "a");
  ASSERT_TRUE(cluster.a_and_b_part());
  cluster.world.run_for(100ms);
  cluster.b.data.clear();
  EXPECT_TRUE(cluster.a.zrun().send_data(cluster.message()));
  ASSERT_TRUE(cluster.world.run_until_true([&] { return !cluster.b.data.empty(); }, 1s));
  EXPECT_EQ(wire::parse_data_frame(cluster.b.data[0])->header.hops, 1);
}

TEST(ZmeshTest, S1AMessageOfAReplacedInstanceIsNotTakenIn) {
  Cluster cluster;
  cluster.place("a", 2, "b", 1);
  EXPECT_TRUE(cluster.a.zrun().send_data(cluster.message(/*from_epoch=*/1)));
  cluster.world.run_for(200ms);
  EXPECT_TRUE(cluster.b.data.empty());
  EXPECT_TRUE(cluster.c.zrun().send_data(cluster.message(/*from_epoch=*/2)));
  cluster.world.run_for(200ms);
  EXPECT_TRUE(cluster.b.data.empty()) << "c does not have the sending space";
}

TEST(ZmeshTest, RPing2APingShowsTheRelayItWentThrough) {
  Cluster cluster;
  std::optional<Service::Pong> direct, relayed;
  cluster.a.service->ping("b", 1s, [&](auto pong) { direct = *pong; });
  cluster.world.run_for(1s);
  ASSERT_TRUE(direct);
  EXPECT_TRUE(direct->relays.empty());
  cluster.network.cut("a", "b");
  ASSERT_TRUE(cluster.a_and_b_part());
  cluster.world.run_for(500ms);
  cluster.a.service->ping("b", 5s, [&](auto pong) {
    if (pong) relayed = *pong;
  });
  cluster.world.run_for(5s);
  ASSERT_TRUE(relayed);
  EXPECT_EQ(relayed->relays, std::vector<std::string>{"c"});
}

TEST(ZmeshTest, ZrunLearnsWhereThePartnersOfItsSpacesAre) {
  Cluster cluster;
  cluster.place("a", 1, "b", 1);
  ASSERT_FALSE(cluster.b.peers.empty());
  const auto& update = cluster.b.peers.back();
  EXPECT_EQ(update.entries_size(), 2);
  ASSERT_EQ(update.data_peers_size(), 1);
  EXPECT_EQ(update.data_peers(0).zhost(), "a");
  EXPECT_TRUE(cluster.c.peers.empty() || cluster.c.peers.back().entries_size() == 0);
}

TEST(ZmeshTest, AnyZhostShowsASpaceThatRunsOnAnotherOne) {
  Cluster cluster;
  cluster.place("b", 1, "c", 1);
  cluster.b.zrun().on("zrun.space",
                      rpc::typed<v1::SpaceDetailRequest, v1::SpaceDetail>(
                          [](const rpc::Caller&, v1::SpaceDetailRequest request, auto done) {
                            v1::SpaceDetail detail;
                            detail.mutable_view()->set_space(request.space());
                            detail.mutable_view()->set_topology_id(request.topology());
                            done(std::move(detail));
                          }));
  const auto ask = [&](const std::string& topology, const std::string& space) {
    std::optional<stdx::Result<v1::SpaceDetail>> answer;
    v1::SpaceDetailRequest request;
    request.set_topology(topology);
    request.set_space(space);
    cluster.a.service->space_detail(request, [&](auto found) { answer = std::move(found); });
    EXPECT_TRUE(cluster.world.run_until_true([&] { return answer.has_value(); }, 10s));
    return *answer;
  };
  ASSERT_TRUE(ask("", "x"));
  EXPECT_EQ(ask("", "x")->view().topology_id(), cluster.topology);
  EXPECT_EQ(ask("", "nobody").error().code, stdx::Code::not_found);
  EXPECT_EQ(ask("another", "x").error().code, stdx::Code::not_found);
}

TEST(ZmeshTest, WhatFormerLivesSaidComesFromEveryZhostThatAnswersAndTheOthersAreNamed) {
  Cluster cluster;
  cluster.place("b", 2, "c", 1);
  const auto say = [](auto& node, std::uint64_t epoch, const char* text, bool here) {
    node.zrun().on("zrun.space",
                   rpc::typed<v1::SpaceDetailRequest, v1::SpaceDetail>(
                       [=](const rpc::Caller&, v1::SpaceDetailRequest request, auto done) {
                         EXPECT_TRUE(request.all_lives());
                         v1::SpaceDetail detail;
                         if (here) {
                           detail.mutable_view()->set_space(request.space());
                           detail.mutable_logs()->set_epoch(epoch);
                         }
                         auto& record = *detail.mutable_logs()->add_records();
                         record.set_epoch(epoch);
                         record.set_text(text);
                         detail.mutable_logs()->add_lines(text);
                         done(std::move(detail));
                       }));
  };
  say(cluster.b, 2, "after the move", true);
  say(cluster.c, 1, "before the move", false);
  v1::SpaceDetailRequest request;
  request.set_space("x");
  request.set_all_lives(true);
  std::optional<stdx::Result<v1::SpaceDetail>> answer;
  cluster.a.service->space_detail(request, [&](auto found) { answer = std::move(found); });
  ASSERT_TRUE(cluster.world.run_until_true([&] { return answer.has_value(); }, 10s));
  ASSERT_TRUE(*answer);
  const auto& logs = (*answer)->logs();
  ASSERT_EQ(logs.lines_size(), 2);
  EXPECT_EQ(logs.lines(0), "before the move");
  EXPECT_EQ(logs.records(1).text(), "after the move");
  EXPECT_EQ(logs.epoch(), 2u);
  ASSERT_EQ(logs.silent_size(), 1) << "nothing answers there";
  EXPECT_EQ(logs.silent(0), "a");
}

// One that connects to the peer port of 127.0.0.1 with the certificate of zhost x, and says
// `hello`.
struct Stranger {
  simkit::Process process;
  std::unique_ptr<ports::Transport> transport;
  std::unique_ptr<ports::Link> link;
  std::size_t heard = 0;
  bool closed = false;

  Stranger(simkit::World& world, simkit::Network& network, const v1::PeerHello& hello)
      : process(world, "x", "zmesh") {
    network.add_address("127.0.0.7", "x");
    transport = network.transport(process, "127.0.0.7");
    transport->connect(ports::Endpoint::tcp("127.0.0.1", 9201), [this, hello](auto l) {
      link = std::move(*l);
      link->start({.on_frame = [this](const stdx::Bytes&) { ++heard; },
                   .on_closed = [this](const stdx::Error&) { closed = true; },
                   .on_writable = {}});
      link->send(wire::encode_frame(wire::FrameKind::peer_hello, hello));
    });
  }
};

v1::PeerHello hello_of(const std::string& zhost) {
  v1::PeerHello hello;
  hello.set_cluster_id("test");
  hello.set_zhost(zhost);
  hello.set_incarnation(1);
  return hello;
}

std::uint64_t refused(Node& node) {
  return node.process.runtime().metrics.counter("samoza_zmesh_peers_refused_total", "").value();
}

// R-SVC-11: the list of the control plane decides who belongs to the cluster.
TEST(ZmeshTest, AZhostOfAnotherClusterOrNoMemberGetsNoLinkAndHearsNothing) {
  Cluster cluster;
  Stranger stranger(cluster.world, cluster.network, hello_of("x"));
  EXPECT_TRUE(cluster.world.run_until_true([&] { return stranger.closed; }, 5s));
  EXPECT_EQ(stranger.heard, 0u);
}

TEST(ZmeshTest, AZhostCannotTakeThePlaceOfAMember) {
  Cluster cluster;
  const auto before = refused(cluster.a);
  Stranger thief(cluster.world, cluster.network, hello_of("b"));
  ASSERT_TRUE(cluster.world.run_until_true([&] { return thief.closed; }, 5s));
  EXPECT_EQ(refused(cluster.a), before + 1);
  EXPECT_EQ(thief.heard, 0u);
  EXPECT_TRUE(cluster.a.service->peers().linked("b"));
}

TEST(ZmeshTest, TheZrunOfThisZhostGetsTheCertificateOfItsDataLinksAndAnotherAfterARenewal) {
  Cluster cluster;
  std::vector<v1::DataCredentials> got;
  cluster.a.zrun().on("zmesh.credentials", rpc::event<v1::DataCredentials>(
                                               [&](const rpc::Caller&, v1::DataCredentials data) {
                                                 got.push_back(data);
                                               }));
  cluster.world.run_for(13h);
  ASSERT_FALSE(got.empty());
  const auto read = *cluster.a.certifier.read(got.back().certificate());
  EXPECT_EQ(read.identity, (ports::Identity{"test", ports::CertificateRole::data, "a"}));
  EXPECT_EQ(read.key_hash, *cluster.a.certifier.key_hash(got.back().key()));
  EXPECT_NE(got.back().key(), cluster.a.service->credentials().current().key());
}

TEST(ZmeshTest, RJoinAZhostWaitsForItsJoinTokenAndForACertificateBeforeItLinks) {
  simkit::World world{5};
  simkit::Network network{world};
  simkit::HttpNetwork web{world, network};
  FakeControlPlane control_plane{world, network, web};
  control_plane.certifies_nobody = {stdx::Code::denied, "it is not of this cluster"};
  Node a{world, network, web, "a", "127.0.0.1"};
  world.run_for(60s);
  EXPECT_EQ(a.service->control_plane_trouble(), "it is not of this cluster");
  EXPECT_EQ(std::count(control_plane.order.begin(), control_plane.order.end(), "link"), 0);
  a.no_token = "not made yet";
  world.run_for(60s);
  const auto asked = control_plane.order.size();
  world.run_for(60s);
  EXPECT_EQ(control_plane.order.size(), asked) << "it says nothing";
  EXPECT_EQ(a.service->control_plane_trouble(), "not made yet");
  a.no_token.clear();
  control_plane.certifies_nobody.reset();
  EXPECT_TRUE(world.run_until_true([&] { return a.service->control_plane().registered(); }, 60s));
}

TEST(ZmeshTest, AZhostThatIsRefusedAsAnOldOneActsForNobodyUntilItIsTaken) {
  simkit::World world{7};
  simkit::Network network{world};
  simkit::HttpNetwork web{world, network};
  FakeControlPlane control_plane{world, network, web};
  control_plane.members["b"].set_zhost_id("b");
  control_plane.refuses = {stdx::Code::stale, "it is an older one"};
  Node a{world, network, web, "a", "127.0.0.1"};
  world.run_for(3s);
  EXPECT_TRUE(a.service->control_plane().connected());
  EXPECT_FALSE(a.service->control_plane().registered());
  EXPECT_EQ(a.service->control_plane().trouble(), "it is an older one");
  EXPECT_EQ(a.service->members().peers_size(), 0) << "so that nothing of it competes for the term";
  std::optional<stdx::Error> error;
  a.zrun().request(rpc::address("", "controlplane"), "controlplane.cas_term", "", 5s,
                   [&](auto result) { error = result.error(); });
  ASSERT_TRUE(world.run_until_true([&] { return error.has_value(); }, 1s));
  EXPECT_EQ(error->code, stdx::Code::unavailable);
  // What is no answer to that question does not make it the one that is wanted.
  control_plane.refuses = {stdx::Code::unavailable, "the store is away"};
  world.run_for(12s);
  EXPECT_EQ(a.service->control_plane().trouble(), "the store is away");
  EXPECT_EQ(a.service->members().peers_size(), 0);
  control_plane.refuses.reset();
  ASSERT_TRUE(world.run_until_true([&] { return a.service->members().peers_size() == 2; }, 20s));
}

// Its startz would take them for its own, and forget what it knows of the lost ones.
TEST(ZmeshTest, P15AZhostThatIsRefusedDoesNotTakeTheRecordsOfTheControlPlane) {
  simkit::World world{7};
  simkit::Network network{world};
  simkit::HttpNetwork web{world, network};
  FakeControlPlane control_plane{world, network, web};
  control_plane.members["b"].set_zhost_id("b");
  control_plane.records.set_lineage("of the control plane");
  control_plane.refuses = {stdx::Code::unavailable, "the records are behind"};
  Node a{world, network, web, "a", "127.0.0.1"};
  world.run_for(3s);
  EXPECT_EQ(a.service->members().peers_size(), 1) << "who is in the cluster it may know";
  EXPECT_EQ(a.service->members().records().lineage(), "");
  control_plane.links.back()->link->send(control_plane.changed());  // while it tries again
  world.run_for(1s);
  EXPECT_EQ(a.service->members().records().lineage(), "");
  control_plane.refuses.reset();
  ASSERT_TRUE(world.run_until_true([&] { return a.service->members().peers_size() == 2; }, 20s));
  EXPECT_EQ(a.service->members().records().lineage(), "of the control plane");
}

TEST(ZmeshTest, WithoutTheControlPlaneRequestsToItFailAtOnceAndPeersStay) {
  Cluster cluster;
  cluster.control_plane.links.clear();
  cluster.control_plane.listener.reset();
  cluster.world.run_for(1s);
  std::optional<stdx::Error> error;
  cluster.a.zrun().request(rpc::address("", "controlplane"), "controlplane.read_term", "", 5s,
                           [&](auto result) { error = result.error(); });
  ASSERT_TRUE(cluster.world.run_until_true([&] { return error.has_value(); }, 1s));
  EXPECT_EQ(error->code, stdx::Code::unavailable);
  EXPECT_EQ(cluster.a.service->peers().size(), 2u);
}

}  // namespace
}  // namespace zmesh
