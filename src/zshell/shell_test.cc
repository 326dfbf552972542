// SPDX-License-Identifier: Apache-2.0
#include "zshell/shell.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "wire/json.h"
#include "zshell/testing/shell_fixture.h"

namespace zshell {
namespace {

using Fixture = ShellFixture;

TEST(ZshellTest, RShell13TopoListsTheTopologiesInItsColumns) {
  Fixture f;
  f.answers["zrms GET /v1/topologies"] = wire::json_response(
      R"({"topologies":[{"id":"1","name":"app","state":"running","spaces":5}]})");
  EXPECT_EQ(f.run("topo"), done);
  EXPECT_EQ(f.printed, "Topologies: 1\nID  NAME  STATE    SPACES\n1   app   running  5\n");
  EXPECT_EQ(f.run("topo", true), done);
  EXPECT_EQ(f.printed[0], '{');
}

TEST(ZshellTest, RShell14SubmitEchoesTheFileAndFollowsUntilItRuns) {
  Fixture f;
  f.answers["zrms POST /v1/topologies"] = wire::json_response(
      R"({"topology_id":"7","name":"app","state":"pending","spaces":["a","b"]})");
  f.answers["zrms GET /v1/topologies/7"] = wire::json_response(R"({"state":"running"})");
  EXPECT_EQ(f.run("topo submit app.mex"), done);
  EXPECT_EQ(
      f.printed,
      "Submitting app.mex\n  ID: 7\n  Name: app\n  State: pending\n  Spaces: a, b\n  running\n");
  EXPECT_EQ(f.run("topo submit dir/"), failed);
  EXPECT_NE(f.printed.find("`mex build dir/` packs a project"), std::string::npos) << f.printed;
  EXPECT_EQ(f.run("topo submit none.mex"), failed);
  f.answers["zrms POST /v1/topologies"] =
      wire::error_response({stdx::Code::denied, "the MEX is not signed"});
  EXPECT_EQ(f.run("topo submit app.mex"), failed);
  EXPECT_EQ(f.printed, "app.mex: zrms: the MEX is not signed\n");
}

TEST(ZshellTest, RShell14SubmitSaysToHowManyZhostsItCopiesWhereThatTakesLong) {
  Fixture f;
  f.answers["zrms GET /v1/cluster"] = wire::json_response(R"({"zhosts":5,"zhosts_alive":4})");
  f.answers["zrms POST /v1/topologies"] = wire::error_response(
      {stdx::Code::unavailable, "2 of 3 zhosts took the archives; not c: no answer"});
  EXPECT_EQ(f.run("topo submit app.mex"), failed);
  EXPECT_EQ(f.printed.find("copying"), std::string::npos) << "it was quick";
  f.slow = true;
  EXPECT_EQ(f.run("topo submit app.mex"), failed);
  EXPECT_EQ(f.printed,
            "  copying to 3 zhosts ...\n"
            "app.mex: zrms: 2 of 3 zhosts took the archives; not c: no answer\n");
  for (const char* body : {R"({"zhosts_alive":1})", R"({"zhosts_alive":"x"})", "[]"}) {
    f.answers["zrms GET /v1/cluster"] = wire::json_response(std::string(body));
    f.run("topo submit app.mex");
    EXPECT_EQ(f.printed.find("copying"), std::string::npos) << body;
  }
}

TEST(ZshellTest, RDec10AStandAloneTopologyGoesAfterEachOfItsMexWasStoredOnce) {
  Fixture f;
  for (const char* name : {"a", "b"}) {
    auto& space = f.standalone.spaces.emplace_back();
    space.name = name;
    space.mex = "a.mex";
  }
  f.answers["zrms POST /v1/blobs"] = wire::json_response(R"({"sha256":"00ff","spaces":["a","b"]})");
  f.answers["zrms POST /v1/topologies/standalone"] =
      wire::json_response(R"({"topology_id":"7","name":"app","state":"pending","spaces":["a"]})");
  f.answers["zrms GET /v1/topologies/7"] = wire::json_response(R"({"state":"running"})");
  ASSERT_EQ(f.run("topo submit dir/topology.yaml"), done) << f.printed;
  ASSERT_EQ(f.asked.size(), 5u);
  EXPECT_EQ(f.asked[0].path, "/v1/topologies") << "whether there is a leader";
  EXPECT_EQ(f.asked[1].path, "/v1/blobs");
  EXPECT_EQ(f.asked[1].body, "archive");
  EXPECT_EQ(f.asked[2].path, "/v1/cluster") << "to how many it is copied";
  EXPECT_NE(f.asked[3].body.find(R"("mex":"a.mex","mex_sha256":"00ff")"), std::string::npos)
      << f.asked[3].body;
}

TEST(ZshellTest, RTopo4AMexThatIsMissingOrRefusedIsNamedWithFileAndSpace) {
  Fixture f;
  auto& space = f.standalone.spaces.emplace_back();
  space.name = "a";
  space.mex = "none.mex";
  EXPECT_EQ(f.run("topo submit dir/topology.yaml"), failed);
  EXPECT_EQ(f.printed,
            "dir/topology.yaml: space 'a': mex: dir/none.mex: No such file or directory\n");
  space.mex = "a.mex";
  EXPECT_EQ(f.run("topo submit dir/topology.yaml"), not_reachable);
  f.answers["zrms POST /v1/blobs"] =
      wire::error_response({stdx::Code::denied, "the MEX is not signed"});
  EXPECT_EQ(f.run("topo submit dir/topology.yaml"), failed);
  EXPECT_EQ(f.printed, "dir/topology.yaml: space 'a': mex a.mex: the MEX is not signed\n");
  EXPECT_EQ(f.run("topo submit bad.yaml"), failed);
  EXPECT_EQ(f.printed, "bad.yaml:1: why\n");
}

// R-DEC-1: zbase is a field of zshell.
TEST(ZshellTest, RShell2To7StatusShowsEachServiceAndWhatIsUnreachable) {
  Fixture f;
  f.answers["zbase GET /v1/status"] = wire::json_response(std::string(R"({"uptime_ms":332400})"));
  f.answers["zmesh GET /v1/status"] = wire::json_response(
      R"({"status":"connected","zhost":"z1","mode":"super","connections":2,"control_plane":"connected"})");
  f.answers["zrun GET /v1/status"] = wire::json_response(R"({"status":"connected","spaces":3})");
  EXPECT_EQ(f.run("status"), not_reachable);
  EXPECT_EQ(
      f.printed,
      "zshell:\n  zbase=connected assistant=disabled uptime=5m32s\n"
      "zmesh:\n  status=connected zhost=z1 mode=super connections=2\n  control plane: connected\n"
      "zrms:\n  status=unreachable\nzrun:\n  status=connected spaces=3\n");
}

TEST(ZshellTest, RPing2APingShowsHopsTimesAndTheWay) {
  Fixture f;
  f.answers["zmesh POST /v1/mesh/ping"] = wire::json_response(
      "{\"hops\":2,\"timeout\":\"10s\",\"rows\":[{\"zhost_id\":\"b\",\"hops\":1,"
      "\"rtt_ms\":0.25,\"path\":\"(direct)\"}]}");
  EXPECT_EQ(f.run("mesh ping"), done);
  EXPECT_EQ(f.printed,
            "hops=2 timeout=10s\n  ZHOST_ID  HOPS  RTT(ms)  PATH\n+ b         1     0.25     "
            "(direct)\n");
}

TEST(ZshellTest, ExitCodesTellWrongUseFailureAndAServiceThatIsAway) {
  Fixture f;
  EXPECT_EQ(f.run("fly"), wrong_use);
  EXPECT_EQ(f.run("topo submit"), wrong_use);
  EXPECT_EQ(f.run("cluster"), not_reachable);
  f.answers["zrms GET /v1/topologies/x"] =
      wire::error_response({stdx::Code::not_found, "there is no topology 'x'"});
  EXPECT_EQ(f.run("topo status x"), failed);
  EXPECT_EQ(f.printed, "zrms: there is no topology 'x'\n");
}

TEST(ZshellTest, TopoStatusWatchShowsEachChangeUntilItIsInterrupted) {
  Fixture f;
  const std::string path = "zrms GET /v1/topologies/7";
  f.answers[path] = wire::json_response(R"({"name":"app","state":"running"})");
  int waits = 0;
  f.on_wait = [&] {
    ++waits;
    if (waits == 2)
      f.answers[path] = wire::json_response(R"({"state":"degraded","reason":"data on zhost b"})");
    if (waits == 4) f.interrupted = true;
  };
  EXPECT_EQ(f.run("topo status 7 --watch"), done);
  EXPECT_TRUE(f.printed.ends_with("  running\n  degraded: data on zhost b\n\n")) << f.printed;
  EXPECT_EQ(f.run("topo status 7 now"), wrong_use);
}

TEST(ZshellTest, AnAnswerOfAnotherShapeIsShownAsFarAsItGoes) {
  Fixture f;
  for (const char* body :
       {"", "[]", "7", "{", R"({"placements":7,"spaces":[7,null,{}],"id":{}})",
        R"({"topologies":[7,"x",null],"peers":[[]],"lines":[{}],"letters":{}})"}) {
    for (const char* path :
         {"zrms GET /v1/topologies", "zrms GET /v1/topologies/7", "zrms GET /v1/cluster",
          "zrms GET /v1/cluster/zhosts", "zmesh GET /v1/mesh/peers", "zmesh GET /v1/mesh/spaces",
          "zrun GET /v1/spaces", "zrun GET /v1/spaces/a/logs", "zrun GET /v1/dead-letters"})
      f.answers[path] = wire::json_response(std::string(body));
    for (const char* line : {"topo", "topo status 7", "cluster", "cluster zhosts", "mesh peers",
                             "mesh spaces", "spaces", "spaces logs a", "dead-letters"})
      EXPECT_EQ(f.run(line), done) << line << " " << body;
  }
}

TEST(ZshellTest, StatusEndsAsTheServiceThatIsWorstOff) {
  Fixture f;
  for (const char* service : {"zbase", "zmesh", "zrms", "zrun"})
    f.answers[std::string(service) + " GET /v1/status"] =
        wire::json_response(R"({"status":"connected"})");
  for (const bool json : {false, true}) {
    auto all = f.answers;
    EXPECT_EQ(f.run("status", json), done);
    f.answers.erase("zrms GET /v1/status");
    EXPECT_EQ(f.run("status", json), not_reachable);
    f.answers["zrms GET /v1/status"] =
        wire::error_response({stdx::Code::denied, "the token is not the one of this zhost"});
    EXPECT_EQ(f.run("status", json), failed);
    f.answers = std::move(all);
  }
}

TEST(ZshellTest, ASpaceIsAskedForThroughZmeshAndHereWhereThatDoesNotKnow) {
  Fixture f;
  const auto not_here = wire::error_response({stdx::Code::not_found, "no space 'a'"});
  f.answers["zmesh GET /v1/mesh/spaces/a/logs"] = wire::json_response(R"({"lines":["one"]})");
  EXPECT_EQ(f.run("spaces logs t/a"), done);
  EXPECT_EQ(f.printed, "one\n");
  EXPECT_EQ(f.asked.back().query.at("topology"), "t");
  f.answers["zrun GET /v1/spaces/b/logs"] = wire::json_response(R"({"lines":["here"]})");
  EXPECT_EQ(f.run("spaces logs b"), done);
  EXPECT_EQ(f.printed, "here\n");
  f.answers["zmesh GET /v1/mesh/spaces/a"] = not_here;
  EXPECT_EQ(f.run("spaces a"), failed);
  EXPECT_EQ(f.printed, "zmesh: no space 'a'\n");
  // In several topologies: said, not guessed.
  f.answers["zmesh GET /v1/mesh/spaces/a"] = wire::error_response({stdx::Code::invalid, "which"});
  f.answers["zrun GET /v1/spaces/a"] = wire::json_response(R"({"space":"a"})");
  EXPECT_EQ(f.run("spaces a"), failed);
  EXPECT_EQ(f.printed, "zmesh: which\n");
}

TEST(ZshellTest, RShell19ASpaceIsNamedWithTheNameOrTheIdOfItsTopology) {
  Fixture f;
  f.answers["zrms GET /v1/topologies/app"] = wire::json_response(R"({"id":"1-2","name":"app"})");
  f.answers["zmesh GET /v1/mesh/spaces/worker"] =
      wire::json_response(R"({"view":{"space":"worker","state":"running"}})");
  EXPECT_EQ(f.run("spaces app/worker"), done);
  EXPECT_EQ(f.asked.back().query.at("topology"), "1-2");
  EXPECT_EQ(f.run("spaces 1-2/worker"), done) << "also where no zrms answers";
  EXPECT_EQ(f.asked.back().query.at("topology"), "1-2");
}

TEST(ZshellTest, SubmitWaitsForTheLeaderOfAClusterThatWasJustStarted) {
  Fixture f;
  const auto none =
      wire::error_response({stdx::Code::unavailable, "the cluster has no leader yet"});
  ASSERT_EQ(none.status, 503);
  f.answers["zrms GET /v1/topologies"] = none;
  f.answers["zrms POST /v1/topologies"] = none;
  EXPECT_EQ(f.run("topo submit app.mex"), failed) << "it does not wait for ever";
  int waits = 0;
  f.on_wait = [&] {
    if (++waits != 3) return;
    f.answers["zrms GET /v1/topologies"] = wire::json_response("{}");
    f.answers["zrms POST /v1/topologies"] = wire::json_response(R"({"topology_id":"1"})");
    f.answers["zrms GET /v1/topologies/1"] = wire::json_response(R"({"state":"running"})");
  };
  EXPECT_EQ(f.run("topo submit app.mex"), done) << f.printed;
  EXPECT_TRUE(f.printed.starts_with("  waiting for a leader: the cluster has no leader yet\n"))
      << f.printed;
  EXPECT_EQ(waits, 3);
}

const char* const every_command[] = {"status",
                                     "mesh",
                                     "mesh ping",
                                     "mesh peers",
                                     "mesh spaces",
                                     "topo",
                                     "topo status 7",
                                     "topo submit app.mex",
                                     "topo stop 7",
                                     "topo start 7",
                                     "topo delete 7 --yes",
                                     "cluster",
                                     "cluster zhosts",
                                     "spaces",
                                     "spaces a",
                                     "spaces logs a",
                                     "spaces open a",
                                     "dead-letters",
                                     "help",
                                     "nonsense",
                                     "topo nonsense",
                                     "topo stop",
                                     "topo submit no",
                                     "topo submit bad.yaml",
                                     "topo update 7 app.mex",
                                     "topo diff 7 app.mex",
                                     "topo history 7",
                                     "topo rollback 7",
                                     "topo restart 7 a",
                                     "topo purge 7 --yes",
                                     "topo delete 7",
                                     "topo update 7"};

TEST(ZshellTest, WithJsonEveryCommandPrintsOneJsonDocumentWhateverHappens) {
  for (const bool answering : {false, true}) {
    Fixture f;
    if (answering) {
      for (const char* path : {"zmesh GET /v1/mesh",
                               "zmesh POST /v1/mesh/ping",
                               "zmesh GET /v1/mesh/peers",
                               "zmesh GET /v1/mesh/spaces",
                               "zrms GET /v1/topologies",
                               "zrms POST /v1/topologies",
                               "zrms POST /v1/topologies/7/stop",
                               "zrms POST /v1/topologies/7/start",
                               "zrms POST /v1/topologies/7/rollback",
                               "zrms POST /v1/topologies/7/restart",
                               "zrms POST /v1/topologies/7/purge",
                               "zrms GET /v1/topologies/7/history",
                               "zrms DELETE /v1/topologies/7",
                               "zrms GET /v1/cluster",
                               "zrms GET /v1/cluster/zhosts",
                               "zrun GET /v1/spaces",
                               "zrun GET /v1/spaces/a/logs",
                               "zrun GET /v1/dead-letters",
                               "zrun POST /v1/tickets",
                               "zbase GET /v1/status"})
        f.answers[path] = wire::json_response(R"({"topology_id":"7"})");
      f.answers["zrms GET /v1/topologies/7"] =
          wire::json_response(R"({"state":"running","update_state":"done"})");
      f.answers["zrun GET /v1/spaces/a"] = wire::json_response(R"({"type":"UI"})");
    }
    for (const char* line : every_command) {
      const int code = f.run(line, true);
      EXPECT_TRUE(nlohmann::json::accept(f.printed)) << line << ": " << f.printed;
      // A stop that is not seen in time ends with the view as it is, and exit code 1.
      const bool error = f.printed.find("\"error\"") != std::string::npos;
      EXPECT_EQ(error, code != done && !(answering && std::string(line) == "topo stop 7") &&
                           std::string(line) != "status")
          << line << ": " << f.printed;
    }
  }
}

TEST(ZshellTest, WhatAPackageOrGuestWroteCannotStealTheTerminal) {
  Fixture f;
  f.answers["zrun GET /v1/spaces/a/logs"] = wire::json_response(R"({"lines":["\u001b[31mred"]})");
  EXPECT_EQ(f.run("spaces logs a"), done);
  EXPECT_EQ(f.printed, "?[31mred\n");
}

TEST(ZshellTest, UptimeIsThatOfTheZhostAndNeverZero) {
  Fixture f;
  const auto said = [&](const std::string& body) {
    f.answers["zbase GET /v1/status"] = wire::json_response(body);
    f.run("status");
    const auto at = f.printed.find("uptime=") + 7;
    return f.printed.substr(at, f.printed.find('\n', at) - at);
  };
  EXPECT_EQ(said(R"({"uptime_ms":3})"), "1s");
  EXPECT_EQ(said(R"({"uptime_ms":"61999"})"), "1m1s");
  EXPECT_EQ(said("{}"), "-") << "a service of another version";
}

TEST(ZshellTest, AnUnknownOrAmbiguousTopologyIsSaidBeforeItsSpaceIsLookedFor) {
  Fixture f;
  f.answers["zrms GET /v1/topologies/pmup"] = wire::error_response(
      {stdx::Code::not_found,
       "there is no topology 'pmup'; `topo` lists them; did you mean 'pump'?"});
  f.answers["zrms GET /v1/topologies/ef97"] = wire::error_response(
      {stdx::Code::invalid, "several topologies have an id that begins with 'ef97': a, b"});
  for (const char* line :
       {"spaces pmup/a", "logs pmup/a", "spaces logs ef97/a", "logs -f ef97/a"}) {
    EXPECT_EQ(f.run(line), failed) << line;
    EXPECT_TRUE(f.printed.find("did you mean 'pump'?") != std::string::npos ||
                f.printed.find("several topologies") != std::string::npos)
        << f.printed;
  }
}

}  // namespace
}  // namespace zshell
