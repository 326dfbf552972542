// SPDX-License-Identifier: Apache-2.0
// What `send` asks, what it prints, and what it says of wrong words.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "wire/json.h"
#include "zshell/shell.h"

namespace zshell {
namespace {

struct Sender {
  std::vector<nlohmann::json> asked;
  std::string printed, standard_input = "from a pipe";
  ports::HttpResponse answer = wire::json_response(R"({"outcome":"accepted"})");

  int run(const std::vector<std::string>& words, bool json = false) {
    printed.clear();
    Outside o;
    o.ask = [this](const std::string& service,
                   ports::HttpRequest request) -> stdx::Result<ports::HttpResponse> {
      EXPECT_EQ(service + " " + request.method + " " + request.path, "zmesh POST /v1/spaces/send");
      asked.push_back(nlohmann::json::parse(request.body));
      return answer;
    };
    o.read_file = [this](const std::string& path) -> stdx::Result<stdx::Bytes> {
      if (path == "-") return standard_input;
      return stdx::fail(stdx::Code::not_found, path + ": No such file or directory");
    };
    o.print = [this](const std::string& text) { printed += text; };
    return Shell(o, json).run(words);
  }
};

TEST(ZshellSendTest, AMessageFromOutsideNamesItsSpaceAndAnotherOneItsPath) {
  Sender s;
  EXPECT_EQ(s.run({"send", "shop/desk", "--data", "two words", "--id", "k1"}), done);
  EXPECT_EQ(s.printed, "accepted\n");
  EXPECT_EQ(s.asked[0],
            (nlohmann::json{
                {"topology", "shop"}, {"to", "desk"}, {"payload", "dHdvIHdvcmRz"}, {"id", "k1"}}));
  EXPECT_EQ(s.run({"send", "shop/desk", "in", "-"}), done);
  EXPECT_EQ(s.asked[1], (nlohmann::json{{"topology", "shop"},
                                        {"from", "desk"},
                                        {"path", "in"},
                                        {"payload", "ZnJvbSBhIHBpcGU="}}));
}

TEST(ZshellSendTest, WithWaitTheAnswerIsPrinted) {
  Sender s;
  s.answer = wire::json_response(R"({"outcome":"answered","answer":"eWVz","text":"yes"})");
  EXPECT_EQ(s.run({"send", "shop/desk", "--base64", "AAE=", "--timeout", "10s"}), done);
  EXPECT_EQ(s.printed, "yes\n");
  EXPECT_EQ(s.asked[0]["timeout_ms"], 10'000);
  EXPECT_EQ(s.asked[0]["wait"], true);
  s.answer = wire::json_response(R"({"outcome":"handled"})");
  EXPECT_EQ(s.run({"send", "shop/desk", "--wait"}), done);
  EXPECT_EQ(s.printed, "handled\n");
  EXPECT_EQ(s.run({"send", "shop/desk", "--wait"}, true), done);
  EXPECT_EQ(nlohmann::json::parse(s.printed)["outcome"], "handled");
}

TEST(ZshellSendTest, WrongWordsAreSaidAndNothingIsSent) {
  Sender s;
  const std::vector<std::pair<std::vector<std::string>, const char*>> wrong = {
      {{"send", "desk"}, "TOPOLOGY/SPACE"},
      {{"send", "shop/desk", "in", "out"}, "one word too many"},
      {{"send", "shop/desk", "--data"}, "needs a value"},
      {{"send", "shop/desk", "--dta", "x"}, "no option"},
      {{"send", "shop/desk", "--base64", "?"}, "base64"},
      {{"send", "shop/desk", "--timeout", "10"}, "10"},
      {{"send", "shop/desk", "--data", "x", "-"}, "twice"}};
  for (const auto& [words, what] : wrong) {
    EXPECT_EQ(s.run(words), wrong_use) << what;
    EXPECT_NE(s.printed.find(what), std::string::npos) << s.printed;
  }
  EXPECT_EQ(s.run({"send", "shop/desk", "--file", "none"}), failed);
  EXPECT_TRUE(s.asked.empty());
}

TEST(ZshellSendTest, ARefusalIsPrintedAsItIs) {
  Sender s;
  s.answer = wire::error_response({stdx::Code::denied, "it takes no messages from outside"});
  EXPECT_EQ(s.run({"send", "shop/desk"}), failed);
  EXPECT_NE(s.printed.find("takes no messages from outside"), std::string::npos);
}

}  // namespace
}  // namespace zshell
