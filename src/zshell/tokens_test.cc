// SPDX-License-Identifier: Apache-2.0
// What `cluster token` asks and prints.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "wire/json.h"
#include "zshell/shell.h"

namespace zshell {
namespace {

struct Teller {
  std::vector<std::string> asked;
  nlohmann::json body;
  std::string printed;
  ports::HttpResponse answer = wire::json_response("{}");
  // Of the routes of join tokens.
  ports::HttpResponse join_answer = wire::error_response({stdx::Code::not_found, "no such token"});

  int run(const std::vector<std::string>& words, bool json = false) {
    printed.clear();
    Outside o;
    o.ask = [this](const std::string& service,
                   ports::HttpRequest request) -> stdx::Result<ports::HttpResponse> {
      asked.push_back(service + " " + request.method + " " + request.path);
      body = nlohmann::json::parse(request.body, nullptr, false);
      if (request.path.find("join-tokens") != std::string::npos) return join_answer;
      return answer;
    };
    o.print = [this](const std::string& text) { printed += text; };
    return Shell(o, json).run(words);
  }
};

TEST(ZshellTokensTest, AMadeTokenIsPrintedWithWhatItMayAndHowToUseAndEndIt) {
  Teller t;
  t.answer = wire::json_response(
      R"({"token":"smz_abc","view":{"id":"ab00000000000001","role":"ingress","topology":"shop","expires":"2026-12-27T00:00:00Z"}})");
  EXPECT_EQ(t.run({"cluster", "token", "create", "--role", "ingress", "--topology", "shop", "--ttl",
                   "2d", "--note", "the kiosk"}),
            done);
  EXPECT_EQ(t.asked.back(), "zrms POST /v1/cluster/tokens");
  EXPECT_EQ(t.body, (nlohmann::json{{"role", "ingress"},
                                    {"topology", "shop"},
                                    {"ttl_seconds", 172'800},
                                    {"note", "the kiosk"}}));
  EXPECT_TRUE(t.printed.starts_with("smz_abc\n")) << t.printed;
  EXPECT_NE(t.printed.find("role ingress of topology shop"), std::string::npos);
  EXPECT_NE(t.printed.find("cluster token revoke ab00000000000001"), std::string::npos);
  EXPECT_EQ(t.run({"cluster", "token", "create", "--role", "read", "--ttl", "90m"}), done);
  EXPECT_EQ(t.body["ttl_seconds"], 5400);
}

TEST(ZshellTokensTest, WrongWordsAskNothing) {
  Teller t;
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"--topology", "shop"},
                                             {"--role", "local", "--note", "x"},
                                             {"--role", "read", "--uses", "2"},
                                             {"--uses", "some"},
                                             {"--role", "read", "--ttl"},
                                             {"--role", "read", "--ttl", "x"},
                                             {"--role", "read", "--ttl", "0s"},
                                             {"--role", "read", "--for", "ever"}}) {
    std::vector<std::string> command = {"cluster", "token", "create"};
    command.insert(command.end(), words.begin(), words.end());
    EXPECT_EQ(t.run(command), wrong_use) << words.back();
  }
  EXPECT_TRUE(t.asked.empty());
}

TEST(ZshellTokensTest, TheListSaysOfEachTokenWhatItMayAndWhetherItStillDoes) {
  Teller t;
  t.answer = wire::json_response(
      R"({"tokens":[{"id":"ab00000000000001","role":"read","state":"revoked","made":"m","made_by":"operator of zhost a","expires":"e","revoked":"r","revoked_by":"token 1","note":"n"}]})");
  EXPECT_EQ(t.run({"cluster", "token", "list"}), done);
  for (const char* part :
       {"ab00000000000001", "read", "revoked", "operator of zhost a", "r by token 1"})
    EXPECT_NE(t.printed.find(part), std::string::npos) << part << "\n" << t.printed;
  t.answer = wire::json_response(R"({"id":"ab00000000000001","revoked":"r"})");
  EXPECT_EQ(t.run({"cluster", "token", "revoke", "ab00"}), done);
  EXPECT_EQ(t.asked.back(), "zrms POST /v1/cluster/tokens/ab00/revoke");
}

TEST(ZshellTokensTest, WithoutARoleOrWithThatOfAZhostItIsATokenForAMachineThatJoins) {
  Teller t;
  t.join_answer = wire::json_response(
      R"({"token":"smj_abc","view":{"id":"ab00000000000001","role":"super","uses":1,"expires":"2026-12-27T00:00:00Z"}})");
  EXPECT_EQ(t.run({"cluster", "token", "create"}), done);
  EXPECT_EQ(t.asked.back(), "zrms POST /v1/cluster/join-tokens");
  EXPECT_TRUE(t.printed.starts_with("smj_abc\n")) << t.printed;
  EXPECT_NE(t.printed.find("lets one zhost join until 2026-12-27"), std::string::npos) << t.printed;
  EXPECT_NE(t.printed.find("samoza join -"), std::string::npos);
  EXPECT_EQ(t.run({"cluster", "token", "create", "--role", "local", "--ttl", "1h", "--uses", "3"}),
            done);
  EXPECT_EQ(t.body, (nlohmann::json{{"role", "local"}, {"ttl_seconds", 3600}, {"uses", 3}}));
}

TEST(ZshellTokensTest, BothKindsAreListedAndRevokedByOneCommand) {
  Teller t;
  t.answer = wire::json_response(R"({"tokens":[{"id":"ac00000000000001","role":"read"}]})");
  t.join_answer = wire::json_response(
      R"({"tokens":[{"id":"ab00000000000001","role":"local","state":"used","uses":1,"used_by":["z2"]}]})");
  EXPECT_EQ(t.run({"cluster", "token", "list"}), done);
  for (const char* part : {"JOIN TOKEN", "ab00000000000001", "z2", "used", "ac00000000000001"})
    EXPECT_NE(t.printed.find(part), std::string::npos) << part << "\n" << t.printed;
  EXPECT_EQ(t.run({"cluster", "token", "list"}, /*json=*/true), done);
  EXPECT_EQ(nlohmann::json::parse(t.printed)["join_tokens"].size(), 1u);
  t.join_answer = wire::json_response(R"({"id":"ab00000000000001","revoked":"r"})");
  EXPECT_EQ(t.run({"cluster", "token", "revoke", "ab00"}), done);
  EXPECT_EQ(t.asked.back(), "zrms POST /v1/cluster/join-tokens/ab00/revoke");
  EXPECT_NE(t.printed.find("ab00000000000001: revoked at r"), std::string::npos);
}

}  // namespace
}  // namespace zshell
