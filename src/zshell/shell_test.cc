// SPDX-License-Identifier: Apache-2.0
#include "zshell/shell.h"

#include "zshell/examples.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "wire/json.h"

namespace zshell {
namespace {

struct Fixture {
  std::map<std::string, ports::HttpResponse> answers;  // "zrms GET /v1/topologies"
  std::string printed;
  model::Topology standalone;  // what every topology.yaml says
  std::vector<ports::HttpRequest> asked;
  std::function<void()> on_wait;
  bool interrupted = false, slow = false;

  Outside outside() {
    Outside o;
    o.ask = [this](const std::string& service,
                   ports::HttpRequest request) -> stdx::Result<ports::HttpResponse> {
      // Every command that reads asks whether there is a leader; away_test.cc has that.
      if (request.path != "/v1/status") asked.push_back(request);
      const auto at = answers.find(service + " " + request.method + " " + request.path);
      if (at == answers.end()) return stdx::fail(stdx::Code::unavailable, "refused");
      return at->second;
    };
    o.read_file = [](const std::string& path) -> stdx::Result<stdx::Bytes> {
      if (path == "app.mex" || path == "dir/a.mex") return stdx::Bytes("archive");
      if (path.ends_with(".yaml")) return stdx::Bytes("text");
      if (path == "dir/")
        return stdx::fail(stdx::Code::invalid, "dir/: it is a folder, and no file");
      return stdx::fail(stdx::Code::not_found, path + ": No such file or directory");
    };
    o.read_topology = [this](const std::string&, const std::string& file) {
      return file == "bad.yaml"
                 ? stdx::Result<model::Topology>(stdx::fail(stdx::Code::invalid, "bad.yaml:1: why"))
                 : standalone;
    };
    o.wait = [this](stdx::Duration) {
      if (on_wait) on_wait();
    };
    o.if_slow = [this](stdx::Duration, const std::string& text) {
      if (slow) printed += text;
    };
    o.interrupted = [this] { return interrupted; };
    o.print = [this](const std::string& text) { printed += text; };
    o.ask_within = [this](const std::string& service, ports::HttpRequest request, stdx::Duration) {
      auto answer = answers.find(service + " GET " + request.path);
      return answer == answers.end()
                 ? stdx::Result<ports::HttpResponse>(stdx::fail(stdx::Code::timeout, "late"))
                 : answer->second;
    };
    return o;
  }
  int run(const std::string& line, bool json = false) {
    printed.clear();
    return Shell(outside(), json).run(split_words(line));
  }
};

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

TEST(ZshellTest, S12StatusSaysThatTheControlPlaneHasNoRecordsAndWhatFollows) {
  Fixture f;
  f.answers["zrms GET /v1/status"] = wire::json_response(
      R"({"status":"connected","zhost":"z1","mode":"super","control_plane":"no database"})");
  f.run("status");
  EXPECT_NE(f.printed.find("control plane: no database; until it is back nothing is placed or "
                           "declared dead"),
            std::string::npos)
      << f.printed;
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

TEST(ZshellTest, HelpOfACommandSaysItsArgumentsAndAnExample) {
  Fixture f;
  EXPECT_EQ(f.run("help topo update"), done);
  EXPECT_TRUE(f.printed.starts_with("topo update NAME FILE.mex|TOPOLOGY.yaml\n    brings the next"))
      << f.printed;
  EXPECT_NE(f.printed.find("example: zshell topo update hello hello-1.1.0.mex\n"),
            std::string::npos);
  const auto said = f.printed;
  for (const char* line :
       {"topo update --help", "topo update shop --help", "help topo update shop"}) {
    EXPECT_EQ(f.run(line), done) << line;
    EXPECT_EQ(f.printed, said) << line;
  }
  f.run("help dead-letters");
  EXPECT_NE(f.printed.find("dead-letters retry ID"), std::string::npos) << "and what is below it";
  EXPECT_EQ(f.run("help frobnicate"), wrong_use);
  EXPECT_EQ(f.run("help topo update", true), done);
  EXPECT_NE(f.printed.find(R"("example":"topo update hello)"), std::string::npos);
}

TEST(ZshellTest, EveryCommandWithArgumentsHasAnExampleWithSome) {
  for (const auto& command : Shell::command_texts()) {
    if (*command.arguments == 0 || std::string_view(command.words) == "help") continue;
    EXPECT_GT(example_of(command.words).size(), std::string_view(command.words).size())
        << command.words;
  }
}

TEST(ZshellTest, AnUnknownWordAfterACommandIsNamedTogetherWithWhatThereIs) {
  Fixture f;
  EXPECT_EQ(f.run("cluster frobnicate"), wrong_use);
  EXPECT_EQ(
      f.printed,
      "no command 'cluster frobnicate'; there is `cluster zhosts`, "
      "`cluster events`, `cluster forget`, `cluster recover`, `cluster backup`, `cluster copies`, "
      "`cluster restore`, `cluster token create`, `cluster token list`, `cluster token revoke`\n");
  EXPECT_EQ(f.run("status now"), wrong_use);
  EXPECT_EQ(f.printed, "no command 'status now'; `status` takes no argument\n");
}

TEST(ZshellTest, P15RecoverTellsWhatWasTakenOverAndWhoWasNotThere) {
  Fixture f;
  f.answers["zrms POST /v1/cluster/recover"] = wire::json_response(
      R"({"lineage":"L","term":9,"epoch_floor":1000,"zhosts":["a","b"],"not_there":["c"],)"
      R"("topologies_taken_over":1,"spaces_taken_over":2,"topologies":3,)"
      R"("silent":[{"zhost":"d","why":"timeout"}]})");
  EXPECT_EQ(f.run("cluster recover"), done);
  EXPECT_NE(f.printed.find("zhosts asked: a b"), std::string::npos) << f.printed;
  EXPECT_NE(f.printed.find("not there: c"), std::string::npos);
  EXPECT_NE(f.printed.find("did not say what they run: d (timeout)"), std::string::npos);
  EXPECT_NE(f.printed.find("topologies: 3 (1 taken over"), std::string::npos);
}

TEST(ZshellTest, BackupAndRestoreNameAFileOnTheMachineOfTheControlPlane) {
  Fixture f;
  f.answers["zrms POST /v1/cluster/backup"] =
      wire::json_response(R"({"path":"/s/records-7.db","bytes":4096,"counter":7})");
  EXPECT_EQ(f.run("cluster backup"), done);
  EXPECT_EQ(f.asked.back().query.at("path"), "");
  EXPECT_NE(f.printed.find("/s/records-7.db"), std::string::npos);
  f.answers["zrms POST /v1/cluster/restore"] = wire::json_response(R"({"former":"/s/old"})");
  EXPECT_EQ(f.run("cluster restore /s/records-7.db"), done);
  EXPECT_EQ(f.asked.back().query.at("path"), "/s/records-7.db");
  EXPECT_NE(f.printed.find("cluster recover"), std::string::npos);
  EXPECT_EQ(f.run("cluster restore"), wrong_use);
}

TEST(ZshellTest, CopiesOfTheRecordsAreListedWithTheirAgeAndPutBackFromAZhost) {
  Fixture f;
  f.answers["zrms GET /v1/cluster/copies"] = wire::json_response(
      R"({"zhosts":[{"zhost":"a","copies":[{"sha256":"0123456789abcdef","counter":"7","term":"2",)"
      R"("lineage":"11111111-2222","bytes":"8192","made_at":"2026-01-01T00:00:00Z",)"
      R"("age_seconds":"90"},{"sha256":"ff","damaged":true}]},)"
      R"({"zhost":"b","why_not":"zbase is away"},{"zhost":"c"}],"detail":"none since noon"})");
  EXPECT_EQ(f.run("cluster copies"), done);
  for (const char* said : {"0123456789ab ", "1m30s", "2026-01-01T00:00:00Z", "11111111 ", "damaged",
                           "does not say: zbase is away", "keeps none", "none since noon"})
    EXPECT_NE(f.printed.find(said), std::string::npos) << said << " in " << f.printed;
  f.answers["zrms POST /v1/cluster/restore"] =
      wire::json_response(R"({"former":"/s/old","made":"2026-01-01T00:00:00Z","counter":"7"})");
  EXPECT_EQ(f.run("cluster restore --from a 0123"), done);
  EXPECT_EQ(f.asked.back().query.at("from"), "a");
  EXPECT_EQ(f.asked.back().query.at("copy"), "0123");
  EXPECT_NE(f.printed.find("the copy of 2026-01-01T00:00:00Z, up to change 7"), std::string::npos);
  EXPECT_EQ(f.run("cluster restore b --from"), done) << "as the command line gives it";
  EXPECT_EQ(f.asked.back().query.at("from"), "b");
  EXPECT_EQ(f.asked.back().query.at("copy"), "");
  EXPECT_EQ(f.run("cluster restore --from"), wrong_use);
  EXPECT_EQ(f.run("cluster restore /a /b"), wrong_use);
}

TEST(ZshellTest, ThatTheNewestRecordsHaveNoCopyIsSaidByClusterAndStatus) {
  Fixture f;
  f.answers["zrms GET /v1/cluster"] = wire::json_response(
      R"({"leader":"a","copies_detail":"no other zhost has a copy since noon"})");
  EXPECT_EQ(f.run("cluster"), done);
  EXPECT_NE(f.printed.find("records: no other zhost has a copy since noon"), std::string::npos);
  f.answers["zrms GET /v1/status"] =
      wire::json_response(R"({"status":"connected","copies_detail":"no copy since noon"})");
  f.run("status");
  EXPECT_NE(f.printed.find("records: no copy since noon"), std::string::npos) << f.printed;
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

TEST(ZshellTest, QuotesKeepWordsTogetherAndCompletionKnowsTheCommands) {
  EXPECT_EQ(split_words("a  \"b c\" d"), (std::vector<std::string>{"a", "b c", "d"}));
  Fixture f;
  EXPECT_EQ(Shell(f.outside(), false).complete_line("topo st"),
            (std::vector<std::string>{"topo start", "topo status", "topo stop"}));
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

TEST(ZshellTest, ACommandOrOptionThatIsNearlyRightGetsAHint) {
  Fixture f;
  const std::pair<const char*, const char*> wrong[] = {
      {"statsu", "no command 'statsu'; `help` lists them; did you mean 'status'?\n"},
      {"topology", "no command 'topology'; `help` lists them; did you mean 'topo'?\n"},
      {"hepl", "no command 'hepl'; `help` lists them; did you mean 'help'?\n"},
      {"zzz", "no command 'zzz'; `help` lists them\n"},
      {"topo sumbit x.mex", "did you mean 'submit'?\n"},
      {"cluster zhots", "did you mean 'zhosts'?\n"},
      {"topo status x --wach",
       "`topo status` has no option --wach; did you mean '--watch'?; usage: topo status ID "
       "[--watch]\n"},
      {"status --jsno", "`status` has no option --jsno; did you mean '--json'?; usage: status \n"},
  };
  for (const auto& [line, said] : wrong) {
    EXPECT_EQ(f.run(line), wrong_use) << line;
    EXPECT_TRUE(f.printed.ends_with(said)) << line << ": " << f.printed;
  }
  EXPECT_TRUE(f.asked.empty()) << "nothing was asked for";
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

TEST(ZshellTest, CompletionKnowsTheNamesOfTheRunningZhostAndIsSilentWithoutOne) {
  Fixture f;
  f.run("complete -- topo status ''");
  EXPECT_EQ(f.printed, "") << "nobody answers";
  const std::string pump = "ef970bd6-0688-42b5-96de-f61b181604a1";
  f.answers["zrms GET /v1/topologies"] = wire::json_response(
      R"({"topologies":[{"id":")" + pump + R"(","name":"pump"},{"id":"2","name":"valve"}]})");
  f.answers["zmesh GET /v1/mesh/spaces"] = wire::json_response(
      R"({"spaces":[{"topology_id":")" + pump +
      R"(","space":"reader"},{"topology_id":"2","space":"writer"},{"topology_id":"2","space":"a b"}]})");
  f.answers["zrms GET /v1/cluster/zhosts"] =
      wire::json_response(std::string(R"({"zhosts":[{"zhost_id":"z1"},{"zhost_id":"z2"}]})"));
  const std::pair<const char*, const char*> expected[] = {
      {"topo status \"\"", "pump\nvalve\n"},
      {"topo status p", "pump\n"},
      {"topo status ef97", "ef970bd6-0688-42b5-96de-f61b181604a1\n"},
      {"topo restart valve \"\"", "writer\n"},
      {"topo restart valve writer \"\"", "writer\n"},
      {"spaces \"\"", "logs\nopen\npump/\nreader\nvalve/\nwriter\n"},
      {"logs -n 5 pump/", "pump/reader\n"},
      {"logs -n \"\"", ""},
      {"mesh ping \"\"", "z1\nz2\n"},
      {"cluster restore --from \"\"", "z1\nz2\n"},
      {"topo submit \"\"", ""},  // the shell has files
      {"completion \"\"", "bash\nzsh\n"},
      {"topo status --",
       "--color\n--config\n--help\n--host\n--json\n--run-dir\n--token\n--token-file\n--version\n--"
       "watch\n"},
  };
  for (const auto& [line, words] : expected) {
    f.run(std::string("complete -- ") + line);
    EXPECT_EQ(f.printed, words) << line;
  }
}

}  // namespace
}  // namespace zshell
