// SPDX-License-Identifier: Apache-2.0
// What the published commands of zshell ask for, and how they show it.
#include <gtest/gtest.h>

#include <map>

#include "wire/json.h"
#include "zshell/shell.h"

namespace zshell {
namespace {

struct Views {
  std::map<std::string, std::string> answers;  // "zrms GET /v1/topologies"
  std::string printed, last;                   // what was printed; the last body that was sent
  int run(const std::string& line) {
    Outside o;
    o.ask = [this](const std::string& service,
                   ports::HttpRequest request) -> stdx::Result<ports::HttpResponse> {
      if (request.path != "/v1/status") last = request.body;
      const auto at = answers.find(service + " " + request.method + " " + request.path);
      if (at == answers.end()) return stdx::fail(stdx::Code::unavailable, "refused");
      if (at->second == "denied")
        return wire::error_response({stdx::Code::denied, "the token is wrong"});
      return wire::json_response(at->second);
    };
    o.wait = [](stdx::Duration) {};
    o.if_slow = [](stdx::Duration, const std::string&) {};
    o.interrupted = [] { return false; };
    o.print = [this](const std::string& text) { printed += text; };
    printed.clear();
    return Shell(std::move(o), false).run(split_words(line));
  }
};

TEST(ViewsTest, RShell8MeshShowsWhereThisZhostIsAndHowItIsConnected) {
  Views v;
  v.answers["zmesh GET /v1/mesh"] =
      R"({"base_url":"http://127.0.0.1:9200","status":"connected","zhost_id":"a","cluster_id":"c",)"
      R"("mode":"super","connections":2,"cluster_peers":3,"control_plane":"connected"})";
  EXPECT_EQ(v.run("mesh"), done);
  EXPECT_EQ(v.printed,
            "http://127.0.0.1:9200 connected\n  zhost_id: a\n  cluster_id: c\n  mode: super\n"
            "  connections: 2\n  cluster_peers: 3\n  control_plane: connected\n");
}

TEST(ViewsTest, RShell9And10PingAsksEverybodyOrTheOneThatIsNamed) {
  Views v;
  v.answers["zmesh POST /v1/mesh/ping"] =
      R"({"hops":2,"timeout":"10s","rows":[{"zhost_id":"b","hops":2,"rtt_ms":1.234,"path":"c -> b"}]})";
  EXPECT_EQ(v.run("mesh ping"), done);
  EXPECT_EQ(v.last, R"({"target":""})");
  EXPECT_EQ(
      v.printed,
      "hops=2 timeout=10s\n  ZHOST_ID  HOPS  RTT(ms)  PATH\n+ b         2     1.23     c -> b\n");
  EXPECT_EQ(v.run("mesh ping b"), done);
  EXPECT_EQ(v.last, R"({"target":"b"})");
}

// R-DEC-4: a zhost that is no super is called local.
TEST(ViewsTest, RShell11And12PeersShowTheLinksAndMeshSpacesEverySpace) {
  Views v;
  v.answers["zmesh GET /v1/mesh/peers"] =
      R"({"peers":[{"zhost_id":"a","address":"127.0.0.1:9201","mode":"super","connected":true,"linked":["b","c"]},)"
      R"({"zhost_id":"b","address":"127.0.0.2:9201","mode":"local","connected":false}]})";
  EXPECT_EQ(v.run("mesh peers"), done);
  EXPECT_EQ(v.printed,
            "ZHOST_ID  ADDRESS         MODE   CONNECTED  LINKED TO\n"
            "a         127.0.0.1:9201  super  yes        b, c\n"
            "b         127.0.0.2:9201  local  no         -\n");
  v.answers["zmesh GET /v1/mesh/spaces"] =
      R"({"spaces":[{"topology_id":"t","space":"x","zhost":"a","epoch":1,"running":true}]})";
  EXPECT_EQ(v.run("mesh spaces"), done);
  EXPECT_EQ(v.printed,
            "TOPOLOGY  SPACE  ZHOST  EPOCH  RUNNING\nt         x      a      1      yes\n");
}

TEST(ViewsTest, MeshSpacesNamesTopologiesWhereTheirNamesAreKnown) {
  Views v;
  v.answers["zmesh GET /v1/mesh/spaces"] =
      R"({"spaces":[{"topology_id":"t","space":"x","zhost":"a","epoch":1,"running":true},)"
      R"({"topology_id":"u","space":"y","zhost":"a","epoch":2,"running":true}]})";
  v.answers["zrms GET /v1/topologies"] = R"({"topologies":[{"id":"t","name":"shop"}]})";
  EXPECT_EQ(v.run("mesh spaces"), done);
  EXPECT_EQ(v.printed,
            "TOPOLOGY  SPACE  ZHOST  EPOCH  RUNNING\nshop      x      a      1      yes\n"
            "u         y      a      2      yes\n");
}

TEST(ViewsTest, AFailureThatIsOverIsShownWithItsVersionAndTimeAndAReasonOfNowInItsPlace) {
  Views v;
  const auto status = [&](const std::string& more) {
    v.answers["zrms GET /v1/topologies/7"] =
        R"({"name":"app","id":"7","state":"running","placements":[{"space":"x","zhost":"a",)"
        R"("state":"running","epoch":3,"last_failure":"trap","last_failure_version":"2",)"
        R"("last_failure_at":"2026-01-01T00:00:00Z")" +
        more + "}]}";
    EXPECT_EQ(v.run("topo status 7"), done);
    return v.printed;
  };
  EXPECT_NE(status("").find("earlier in version 2 at 2026-01-01T00:00:00Z: trap\n"),
            std::string::npos);
  const auto now = status(R"(,"reason":"zhost b failed")");
  EXPECT_NE(now.find("zhost b failed\n"), std::string::npos);
  EXPECT_EQ(now.find("trap"), std::string::npos);
}

TEST(ViewsTest, RShell15TopoStatusShowsTheTopologyAndItsPlacements) {
  Views v;
  v.answers["zrms GET /v1/topologies/7"] =
      R"({"name":"app","id":"7","state":"running","spaces":1,"created":"2026-01-01T00:00:00Z",)"
      R"("updated":"2026-01-01T00:00:09Z","placements":[{"space":"x","zhost":"a",)"
      R"("state":"running","epoch":1,"version":2,"mex_version":"1.2.0","restarts":3,)"
      R"("last_failure":"trap"}],"version":2,"mex_version":"1.2.0",)"
      R"("update":"update from version 1 to 2"})";
  EXPECT_EQ(v.run("topo status 7"), done);
  EXPECT_EQ(v.printed,
            "Topology: app\nID: 7\nState: running\nVersion: 2 (MEX 1.2.0)\n"
            "Update: update from version 1 to 2\nSpaces: 1\nCreated: 2026-01-01T00:00:00Z\n"
            "Updated: 2026-01-01T00:00:09Z\n\nPlacements:\n"
            "  SPACE  ZHOST  STATE    EPOCH  VERSION  MEX    RESTARTS  REASON\n"
            "  x      a      running  1      2        1.2.0  3         earlier: trap\n");
}

TEST(ViewsTest, RShell16TopoStopAsksForItAndFollowsUntilItIsStopped) {
  Views v;
  EXPECT_EQ(v.run("topo stop 7"), not_reachable);
  v.answers["zrms POST /v1/topologies/7/stop"] = R"({"state":"running"})";
  v.answers["zrms GET /v1/topologies/7"] = R"({"state":"stopped"})";
  EXPECT_EQ(v.run("topo stop 7"), done);
  EXPECT_EQ(v.printed, "  stopped\n");
}

TEST(ViewsTest, RShell7AServiceThatRefusesIsAnErrorAndSaysWhy) {
  Views v;
  v.answers["zmesh GET /v1/status"] = "denied";
  v.run("status");
  EXPECT_NE(v.printed.find("zmesh:\n  status=error\n  the token is wrong\n"), std::string::npos)
      << v.printed;
}

TEST(ViewsTest, APageHasOneAddressAndALinkThatOpensItOnce) {
  Views v;
  v.answers["zmesh GET /v1/mesh/spaces/page"] = R"({"space":"page","topology":"app"})";
  v.answers["zmesh POST /v1/tickets"] =
      R"({"url":"http://page.app.localhost:9200/","ticket_url":"http://page.app.localhost:9200/?ticket=T"})";
  for (const char* line : {"spaces open app/page", "spaces open page"}) {
    EXPECT_EQ(v.run(line), done) << v.printed;
    EXPECT_EQ(v.printed,
              "http://page.app.localhost:9200/\n  without a login, once, within a minute: "
              "http://page.app.localhost:9200/?ticket=T\n");
  }
}

TEST(ViewsTest, RShell4To6StatusHasTheFieldsOfEachService) {
  Views v;
  v.answers["zbase GET /v1/status"] = "{}";
  v.answers["zmesh GET /v1/status"] =
      R"({"status":"connected","zhost":"a","mode":"local","connections":2,"control_plane":"connected"})";
  v.answers["zrms GET /v1/status"] =
      R"({"status":"connected","zhost":"a","mode":"local","topologies":"1/2"})";
  v.answers["zrun GET /v1/status"] = R"({"status":"degraded","spaces":3})";
  v.run("status");
  for (const char* line : {"zmesh:\n  status=connected zhost=a mode=local connections=2\n",
                           "zrms:\n  status=connected zhost=a mode=local topologies=1/2 ",
                           "zrun:\n  status=degraded spaces=3\n"})
    EXPECT_NE(v.printed.find(line), std::string::npos) << line << v.printed;
}

// R-DEC-6: a failed zhost is shown as unavailable.
TEST(ViewsTest, RShell17And18ClusterSumsUpAndListsItsZhosts) {
  Views v;
  v.answers["zrms GET /v1/cluster"] =
      R"({"leader":"a","term":3,"control_plane":"connected","zhosts":2,"zhosts_alive":1,)"
      R"("topologies":1,"topologies_running":1,"spaces":4,"spaces_running":4})";
  EXPECT_EQ(v.run("cluster"), done);
  EXPECT_EQ(v.printed,
            "leader: a (term 3)\ncontrol plane: connected\nzhosts: 1 of 2 alive\n"
            "topologies: 1 of 1 running\nspaces: 4 of 4 running\n");
  v.answers["zrms GET /v1/cluster/zhosts"] =
      R"({"zhosts":[{"zhost_id":"a","state":"alive","mode":"leader","spaces":4},)"
      R"({"zhost_id":"b","state":"unavailable","mode":"local"}]})";
  EXPECT_EQ(v.run("cluster zhosts"), done);
  EXPECT_TRUE(v.printed.starts_with("ZHOST_ID  STATE        MODE    SPACES")) << v.printed;
  EXPECT_NE(v.printed.find("b         unavailable  local"), std::string::npos) << v.printed;
}

TEST(ViewsTest, RShell19SpacesListsThemAndShowsOneInDetail) {
  Views v;
  v.answers["zrun GET /v1/spaces"] =
      R"({"spaces":[{"space":"x","topology":"app","type":"CALL","state":"running","epoch":2}]})";
  EXPECT_EQ(v.run("spaces"), done);
  EXPECT_NE(v.printed.find("x      app       CALL  running  2"), std::string::npos) << v.printed;
  v.answers["zmesh GET /v1/mesh/spaces/x"] =
      R"({"space":"x","topology":"app","zhost":"a","state":"running","restarts":1})";
  EXPECT_EQ(v.run("spaces x"), done);
  EXPECT_NE(v.printed.find("Zhost: a\n"), std::string::npos) << v.printed;
  EXPECT_NE(v.printed.find("Restarts: 1\n"), std::string::npos) << v.printed;
}

}  // namespace
}  // namespace zshell
