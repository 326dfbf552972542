// SPDX-License-Identifier: Apache-2.0
// zmesh over HTTP: a ping of everybody or of one, the peers and their links, every space.
#include "zmesh/http_api.h"

#include <gtest/gtest.h>

#include "stdx/encoding.h"
#include "wire/access_table.h"
#include "wire/json.h"
#include "zmesh/testing/fake_control_plane.h"
#include "zmesh/testing/fake_node.h"

namespace zmesh {
namespace {

using namespace std::chrono_literals;

struct HttpCluster {
  simkit::World world{9};
  simkit::Network network{world};
  simkit::HttpNetwork web{world, network};
  FakeControlPlane control_plane{world, network, web};
  FakeNode a{world, network, web, "a", "127.0.0.1", "zrms"},
      b{world, network, web, "b", "127.0.0.2", "zrms"},
      c{world, network, web, "c", "127.0.0.3", "zrms"};
  HttpApi api{a.runtime, *a.service, 9200};

  HttpCluster() {
    a.other->start();
    EXPECT_TRUE(world.run_until_true(
        [&] { return a.service->peers().size() == 2 && b.service->peers().size() == 2; }, 10s));
    world.run_for(500ms);
  }
  ports::HttpResponse ask(const std::string& method, const std::string& path,
                          const std::string& body = "") {
    std::optional<ports::HttpResponse> answer;
    api.handle({.method = method, .path = path, .query = {}, .headers = {}, .body = body},
               [&](ports::HttpResponse response) { answer = std::move(response); });
    EXPECT_TRUE(world.run_until_true([&] { return answer.has_value(); }, 30s));
    return *answer;
  }
  v1::PingTable ping(const std::string& body) {
    v1::PingTable table;
    EXPECT_TRUE(wire::from_json(ask("POST", "/v1/mesh/ping", body).body, table));
    return table;
  }
};

// R-PING-2 and R-PING-3: the way through a third zhost is shown where there is no direct link.
TEST(ZmeshHttpTest, RPing1APingGoesToEverybodyOrToOneAndSaysItsLimits) {
  HttpCluster cluster;
  const auto all = cluster.ping("");
  EXPECT_EQ(all.hops(), 2u);
  EXPECT_EQ(all.timeout(), "10s");
  ASSERT_EQ(all.rows_size(), 2);
  EXPECT_EQ(all.rows(0).zhost_id(), "b");
  EXPECT_EQ(all.rows(0).hops(), 1u);
  EXPECT_EQ(all.rows(0).path(), "(direct)");
  EXPECT_EQ(all.rows(1).zhost_id(), "c");
  EXPECT_EQ(cluster.ping(R"({"target":"c"})").rows_size(), 1);
  EXPECT_EQ(cluster.ask("POST", "/v1/mesh/ping", R"({"target":"nobody"})").status, 404);
  cluster.network.cut("a", "b");
  cluster.network.cut("b", "a");
  for (int i = 0; i < 600 && (cluster.a.service->peers().linked("b") ||
                              cluster.b.service->peers().linked("a"));
       ++i) {
    cluster.a.service->ping("b", 100ms, [](auto) {});
    cluster.b.service->ping("a", 100ms, [](auto) {});
    cluster.world.run_for(100ms);
  }
  cluster.world.run_for(1s);
  const auto relayed = cluster.ping(R"({"target":"b"})");
  ASSERT_EQ(relayed.rows_size(), 1);
  EXPECT_EQ(relayed.rows(0).hops(), 2u) << relayed.rows(0).error();
  EXPECT_EQ(relayed.rows(0).path(), "c -> b");
}

TEST(ZmeshHttpTest, RShell11EachMemberIsListedWithWhatItIsLinkedTo) {
  HttpCluster cluster;
  v1::PeersReply peers;
  ASSERT_TRUE(wire::from_json(cluster.ask("GET", "/v1/mesh/peers").body, peers));
  ASSERT_EQ(peers.peers_size(), 3);
  for (const auto& peer : peers.peers()) {
    EXPECT_TRUE(peer.connected()) << peer.zhost_id();
    EXPECT_EQ(peer.linked_size(), 2) << peer.zhost_id();
  }
}

TEST(ZmeshHttpTest, EachRouteHasARowInTheTableOfRights) {
  HttpCluster cluster;
  EXPECT_EQ(wire::access_findings("zmesh", cluster.api.routes()), std::vector<std::string>());
}

// R-DEC-25: not only that of a super; and R-COMP-6: the registry is in zmesh.
TEST(ZmeshHttpTest, RShell12EveryZmeshListsEverySpaceOfTheCluster) {
  HttpCluster cluster;
  v1::DirectoryUpdate update;
  update.set_term(1);
  update.set_complete(true);
  update.set_part(1);
  for (const char* zhost : {"a", "b", "c"}) {
    auto* entry = update.add_entries();
    entry->set_topology_id(stdx::uuid_from(1, 2));
    entry->set_space(std::string("on-") + zhost);
    entry->set_zhost(zhost);
    entry->set_epoch(1);
  }
  cluster.a.other->notify(rpc::address("", "zmesh"), "zmesh.directory", update.SerializeAsString());
  cluster.world.run_for(100ms);
  v1::MeshSpacesReply spaces;
  ASSERT_TRUE(wire::from_json(cluster.ask("GET", "/v1/mesh/spaces").body, spaces));
  EXPECT_EQ(spaces.spaces_size(), 3);
}

}  // namespace
}  // namespace zmesh
