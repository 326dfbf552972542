// SPDX-License-Identifier: Apache-2.0
// Dead letters: lists that are long, those of one space, and all of them at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "stdx/text.h"
#include "wire/json.h"
#include "zshell/testing/shell_fixture.h"

namespace zshell {
namespace {

// Of topology "shop" (id t-1) 60 letters to desk and 2 to bill, of another one 1.
struct Letters : ShellFixture {
  Letters() {
    auto letters = nlohmann::json::array();
    const auto add = [&](const char* topology, const char* to) {
      letters.push_back({{"id", stdx::format("{:016x}", letters.size())},
                         {"topology_id", topology},
                         {"path", "orders"},
                         {"from", "door"},
                         {"to", to},
                         {"seq", letters.size()},
                         {"reason", "trap"}});
    };
    for (int i = 0; i < 60; ++i) add("t-1", "desk");
    for (int i = 0; i < 2; ++i) add("t-1", "bill");
    add("t-2", "desk");
    answers["zrun GET /v1/dead-letters"] =
        wire::json_response(nlohmann::json{{"letters", letters}, {"total", 70}}.dump());
    answers["zrms GET /v1/topologies"] = wire::json_response(
        R"({"topologies":[{"id":"t-1","name":"shop"},{"id":"t-2","name":"other"}]})");
    for (std::size_t i = 0; i < letters.size(); ++i)
      for (const char* verb : {"retry", "drop"})
        answers[stdx::format("zrun POST /v1/dead-letters/{:016x}/{}", i, verb)] =
            wire::json_response(std::string("{}"));
  }
  std::size_t posts() const {
    return static_cast<std::size_t>(
        std::count_if(asked.begin(), asked.end(),
                      [](const ports::HttpRequest& request) { return request.method == "POST"; }));
  }
  bool says(const std::string& text) const { return printed.find(text) != std::string::npos; }
};

TEST(DeadLettersTest, TheNewestFiftyAreShownAndHowManyThereAre) {
  Letters f;
  EXPECT_EQ(f.run("dead-letters"), done);
  EXPECT_TRUE(f.says("Dead letters: 63 kept here, 70 in all")) << f.printed;
  EXPECT_TRUE(f.says("the newest 50 of 63; `-n 63` shows all")) << f.printed;
  EXPECT_TRUE(f.says("000000000000003e"));
  EXPECT_FALSE(f.says("0000000000000001 "));
  EXPECT_EQ(f.run("dead-letters -n 63"), done);
  EXPECT_TRUE(f.says("0000000000000001"));
}

TEST(DeadLettersTest, ThoseOfATopologyOrASpaceAreShownAlone) {
  Letters f;
  EXPECT_EQ(f.run("dead-letters shop/bill"), done);
  EXPECT_TRUE(f.says("Dead letters of shop/bill: 2 kept here")) << f.printed;
  EXPECT_EQ(f.run("dead-letters t-2"), done);
  EXPECT_TRUE(f.says("Dead letters of t-2: 1 kept here")) << f.printed;
  for (const char* line : {"dead-letters a b", "dead-letters -n x", "dead-letters --what"})
    EXPECT_EQ(f.run(line), wrong_use) << line;
}

TEST(DeadLettersTest, AllOfASpaceAreDeliveredAgainOrDroppedAfterAQuestion) {
  Letters f;
  EXPECT_EQ(f.run("dead-letters retry shop/bill"), done);
  EXPECT_TRUE(f.says("2 of 2 dead letters of shop/bill: are delivered again")) << f.printed;
  EXPECT_EQ(f.posts(), 2u);
  EXPECT_EQ(f.run("dead-letters drop shop"), wrong_use) << "there is nobody to ask";
  EXPECT_TRUE(f.says("62 dead letters of shop go for good.")) << f.printed;
  EXPECT_EQ(f.posts(), 2u);
  EXPECT_EQ(f.run("dead-letters drop shop --yes"), done);
  EXPECT_TRUE(f.says("62 of 62 dead letters of shop: dropped")) << f.printed;
  EXPECT_EQ(f.posts(), 64u);
  EXPECT_EQ(f.run("dead-letters drop 000000000000003e"), done) << "one goes by its id";
  EXPECT_EQ(f.run("dead-letters drop shops --yes"), failed);
  EXPECT_TRUE(f.says("no dead letter of 'shops'")) << f.printed;
}

TEST(DeadLettersTest, TheFirstOneThatCannotBeDeliveredEndsTheRest) {
  Letters f;
  f.answers["zrun POST /v1/dead-letters/000000000000003d/retry"] =
      wire::error_response({stdx::Code::unavailable, "space 'bill' does not run"});
  EXPECT_EQ(f.run("dead-letters retry shop/bill"), failed);
  EXPECT_TRUE(f.says("1 of 2 dead letters")) << f.printed;
}

}  // namespace
}  // namespace zshell
