// SPDX-License-Identifier: Apache-2.0
#include "zshell/help.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "wire/json.h"
#include "zshell/examples.h"
#include "zshell/testing/shell_fixture.h"

namespace zshell {
namespace {

using Fixture = ShellFixture;

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

TEST(ZshellTest, QuotesKeepWordsTogetherAndCompletionKnowsTheCommands) {
  EXPECT_EQ(split_words("a  \"b c\" d"), (std::vector<std::string>{"a", "b c", "d"}));
  Fixture f;
  EXPECT_EQ(Shell(f.outside(), false).complete_line("topo st"),
            (std::vector<std::string>{"topo start", "topo status", "topo stop"}));
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
