// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "wire/json.h"
#include "zshell/render.h"
#include "zshell/shell.h"

namespace zshell {
namespace {

struct Explaining {
  std::string answer, printed;
  ports::HttpRequest asked;
  int run(const std::string& line) {
    Outside o;
    o.ask = [this](const std::string&,
                   ports::HttpRequest request) -> stdx::Result<ports::HttpResponse> {
      asked = std::move(request);
      return wire::json_response(answer);
    };
    o.read_file = [](const std::string& path) -> stdx::Result<stdx::Bytes> {
      if (path == "app.mex") return stdx::Bytes("an archive");
      return stdx::fail(stdx::Code::not_found, path + ": no such file");
    };
    o.print = [this](const std::string& text) { printed += text; };
    o.interrupted = [] { return false; };
    return Shell(std::move(o), false).run(split_words(line));
  }
};

constexpr const char* two =
    R"({"topology":"app","spaces":[)"
    R"({"space":"cam","state":"pending","why":"no zhost fits","nearest":"zhost b: 512 MiB memory are free of 1024 MiB asked",)"
    R"("zhosts":[{"zhost":"b","refusals":["512 MiB of memory are promised of 1024"]},)"
    R"({"zhost":"a","refusals":["label disk is not 'fast'","no device 'camera'"]}]},)"
    R"({"space":"one","state":"running","zhost":"a","why":"it fitted best when it was placed",)"
    R"("zhosts":[{"zhost":"a","fits":true,"score":-10,"preferences":["1 space there: -10"]}]}]})";

TEST(TopoExplainTest, ASpaceWithoutAZhostShowsEachZhostAndTheNearestAndOthersInALine) {
  Explaining e;
  e.answer = two;
  EXPECT_EQ(e.run("topo explain app"), done);
  EXPECT_EQ(e.asked.path, "/v1/topologies/app/explain");
  EXPECT_EQ(e.printed,
            "cam has no zhost (pending): no zhost fits\n"
            "  nearest: zhost b: 512 MiB memory are free of 1024 MiB asked\n"
            "    b: 512 MiB of memory are promised of 1024\n"
            "    a: label disk is not 'fast'; no device 'camera'\n"
            "one on a (running): it fitted best when it was placed\n");
}

TEST(TopoExplainTest, OfOneSpaceTheScoreOfEachZhostIsShown) {
  Explaining e;
  e.answer = two;
  EXPECT_EQ(e.run("topo explain app one"), done);
  EXPECT_EQ(e.asked.query.at("space"), "one");
  EXPECT_NE(e.printed.find("    a: fits, score -10 (1 space there: -10)\n"), std::string::npos)
      << e.printed;
}

TEST(TopoExplainTest, AFileIsSentAsASubmitSendsItButIsNotSubmitted) {
  Explaining e;
  e.answer = R"({"detail":"nothing is placed now: the cluster has no leader"})";
  EXPECT_EQ(e.run("topo explain app.mex"), done);
  EXPECT_EQ(e.asked.method + " " + e.asked.path, "POST /v1/topologies");
  EXPECT_EQ(e.asked.query.at("explain"), "1");
  EXPECT_EQ(e.asked.body, "an archive");
  EXPECT_EQ(e.printed, "-- nothing is placed now: the cluster has no leader\n");
  EXPECT_EQ(e.run("topo explain other.mex"), failed);
  EXPECT_NE(e.printed.find("no such file"), std::string::npos);
}

TEST(TopoExplainTest, AnAnswerOfAnotherShapeIsShownAsFarAsItGoes) {
  for (const char* text : {"", "[]", "{}", R"({"spaces":[1,{"zhosts":[2]}]})", R"({"spaces":{}})"})
    EXPECT_NE(render::explained(text, true), "");
}

}  // namespace
}  // namespace zshell
