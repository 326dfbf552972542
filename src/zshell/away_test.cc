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

}  // namespace
}  // namespace zshell
