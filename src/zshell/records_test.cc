// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "wire/json.h"
#include "zshell/testing/shell_fixture.h"

namespace zshell {
namespace {

using Fixture = ShellFixture;

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

}  // namespace
}  // namespace zshell
