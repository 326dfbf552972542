// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "wire/json.h"
#include "zshell/shell.h"

namespace zshell {
namespace {

struct NoLeader {
  std::string sentence = "the cluster has no leader since T: it is away";
  std::string reply = "{}", printed;
  std::vector<ports::HttpRequest> asked;
  int run(const std::string& line, bool json = false) {
    Outside o;
    o.ask = [this](const std::string& service,
                   ports::HttpRequest request) -> stdx::Result<ports::HttpResponse> {
      if (service == "zrms" && request.path == "/v1/status")
        return wire::json_response(nlohmann::json{{"away", sentence}}.dump());
      asked.push_back(request);
      return wire::json_response(reply);
    };
    o.print = [this](const std::string& text) { printed += text; };
    o.wait = [](stdx::Duration) {};
    o.interrupted = [] { return false; };
    printed.clear();
    return Shell(std::move(o), json).run(split_words(line));
  }
};

constexpr const char* readers[] = {
    "topo",        "topo status app", "topo history app", "mesh",           "mesh peers",
    "mesh spaces", "mesh ping",       "spaces",           "spaces app/one", "topo events"};

TEST(AwayTest, EachCommandThatReadsSaysTheSameSentenceFirst) {
  for (const char* line : readers) {
    NoLeader f;
    f.reply = R"({"detail":"in the words of another zhost"})";
    EXPECT_EQ(f.run(line), done) << line;
    EXPECT_TRUE(f.printed.starts_with("-- " + f.sentence + "\n")) << line << ": " << f.printed;
  }
}

TEST(AwayTest, WithALeaderNothingIsSaid) {
  for (const char* line : readers) {
    NoLeader f;
    f.sentence.clear();
    EXPECT_EQ(f.run(line), done) << line;
    EXPECT_FALSE(f.printed.starts_with("--")) << line << ": " << f.printed;
  }
}

TEST(AwayTest, AsJsonTheSentenceIsAFieldOfTheAnswer) {
  NoLeader f;
  f.reply = R"({"name":"app","state":"running"})";
  EXPECT_EQ(f.run("topo status app", /*json=*/true), done);
  const auto printed = nlohmann::json::parse(f.printed);
  EXPECT_EQ(printed["away"], f.sentence);
  EXPECT_EQ(printed["name"], "app");
}

TEST(AwayTest, WhatWasKnownIsAskedForByThoseThatReadAndNotByThoseThatFollowAChange) {
  NoLeader f;
  f.run("topo status app");
  EXPECT_EQ(f.asked.at(0).query.at("known"), "1");
  f.asked.clear();
  f.reply = R"({"state":"stopped"})";
  f.run("topo stop app");
  for (const auto& request : f.asked) EXPECT_FALSE(request.query.contains("known"));
}

TEST(AwayTest, StatusShowsTheSentence) {
  NoLeader f;
  f.run("status");
  EXPECT_NE(f.printed.find(f.sentence), std::string::npos) << f.printed;
}

// Answers for topology 7 in turn; the last one for ever.
struct Following {
  std::vector<stdx::Result<ports::HttpResponse>> answers;
  std::size_t asked = 0;
  std::string printed;
  int run(const std::string& line) {
    Outside o;
    o.ask = [this](const std::string&,
                   const ports::HttpRequest& request) -> stdx::Result<ports::HttpResponse> {
      if (request.method == "POST")
        return wire::json_response(R"({"version":2,"changes":[{"space":"a","change":"changed"}]})");
      if (request.path != "/v1/topologies/7") return wire::json_response("{}");
      return answers[std::min(asked++, answers.size() - 1)];
    };
    o.print = [this](const std::string& text) { printed += text; };
    o.wait = [](stdx::Duration) {};
    o.interrupted = [] { return false; };
    return Shell(std::move(o), false).run(split_words(line));
  }
};

TEST(AwayTest, AnUpdateOfATopologyThatIsDeletedMeanwhileEndsAndSaysSo) {
  Following f;
  f.answers = {wire::json_response(R"({"state":"running","update_state":"rolling"})"),
               wire::error_response({stdx::Code::not_found, "there is no topology 7"})};
  EXPECT_EQ(f.run("topo restart 7"), failed);
  EXPECT_LT(f.asked, 10u) << "not for as long as an update may take";
  EXPECT_NE(f.printed.find("was deleted meanwhile"), std::string::npos) << f.printed;
}

TEST(AwayTest, WhoWaitsForAnUpdateHearsOnceWhyNothingIsSeen) {
  Following f;
  const stdx::Error away{stdx::Code::unavailable, "the cluster has no leader"};
  f.answers = {std::unexpected(away), std::unexpected(away), std::unexpected(away),
               wire::json_response(R"({"state":"running","update_state":"done"})")};
  EXPECT_EQ(f.run("topo restart 7"), done);
  const auto at = f.printed.find("waiting: the cluster has no leader");
  ASSERT_NE(at, std::string::npos) << f.printed;
  EXPECT_EQ(f.printed.find("waiting:", at + 1), std::string::npos) << f.printed;
}

TEST(AwayTest, AStopOfATopologyThatHasFailedIsFollowedUntilItIsStopped) {
  Following f;
  f.answers = {wire::json_response(R"({"state":"failed"})"),
               wire::json_response(R"({"state":"failed"})"),
               wire::json_response(R"({"state":"stopped"})")};
  EXPECT_EQ(f.run("topo stop 7"), done) << f.printed;
}

}  // namespace
}  // namespace zshell
