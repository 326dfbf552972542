// SPDX-License-Identifier: Apache-2.0
#include "zshell/grammar.h"

#include <gtest/gtest.h>

#include "zshell/shell.h"

namespace zshell {
namespace {

using Words = std::vector<std::string>;

TEST(GrammarTest, TheTextOfTheArgumentsNamesOptionsValuesAndPlaces) {
  const auto logs = arguments_of(
      "[-f|--follow] [-n N] [--since TIME|DURATION] [--previous|--all] [TOPOLOGY/]NAME");
  const std::pair<const char*, const char*> options[] = {{"-f", ""},         {"--follow", ""},
                                                         {"-n", "N"},        {"--since", "TIME"},
                                                         {"--previous", ""}, {"--all", ""}};
  ASSERT_EQ(logs.options.size(), std::size(options));
  for (const auto& [name, value] : options) {
    ASSERT_NE(logs.find(name), nullptr) << name;
    EXPECT_EQ(logs.find(name)->value, value) << name;
  }
  ASSERT_EQ(logs.places.size(), 1u);
  const auto restore = arguments_of("FILE|--from ZHOST [COPY]");
  EXPECT_EQ(restore.find("--from")->value, "ZHOST");
  EXPECT_EQ(restore.places.size(), 2u);
  const auto send =
      arguments_of("TOPOLOGY/SPACE [PATH] [--data TEXT|--base64 TEXT|--file FILE|-] [--wait]");
  EXPECT_EQ(send.find("--base64")->value, "TEXT");
  EXPECT_EQ(send.find("--file")->value, "FILE");
  EXPECT_EQ(send.find("--wait")->value, "");
  EXPECT_EQ(send.places.size(), 2u);
  EXPECT_TRUE(arguments_of("NAME [SPACE ...] [--yes]").last_repeats);
  EXPECT_EQ(arguments_of("bash|zsh").places.at(0).words, (Words{"bash", "zsh"}));
}

TEST(GrammarTest, EveryCommandOfTheTableReads) {
  for (const auto& command : Shell::command_texts()) {
    const auto arguments = arguments_of(command.arguments);
    for (const auto& option : arguments.options) {
      EXPECT_TRUE(option.name.starts_with("-")) << command.words;
      EXPECT_EQ(unknown_option(command, {option.name, "--value"}).empty(), !option.value.empty())
          << command.words << " " << option.name << ": a value may look like an option";
    }
    EXPECT_NE(unknown_option(command, {"--no-such-option"}), "") << command.words;
    EXPECT_EQ(unknown_option(command, {"--", "-x", "word"}), "") << command.words;
  }
}

TEST(GrammarTest, TheScriptsAskTheProgramThatIsBeingTyped) {
  for (const char* shell : {"bash", "zsh"})
    EXPECT_NE(completion_script(shell).find("complete -- "), std::string::npos) << shell;
  EXPECT_EQ(completion_script("fish"), "");
}

TEST(GrammarTest, ASpaceWhereATopologyIsMeantIsNamedAndSoIsTheCommandForIt) {
  const CommandText status{"topo status", "ID [--watch]", ""}, submit{"topo submit", "FILE", ""};
  EXPECT_EQ(space_for_topology(status, {"app/worker"}),
            "`topo status` takes a topology, by its name or id; app/worker names a space: `spaces "
            "app/worker` shows it");
  EXPECT_EQ(space_for_topology(status, {"app"}), "");
  const CommandText explain{"topo explain", "NAME|FILE [SPACE]", ""};
  EXPECT_EQ(space_for_topology(submit, {"folder/app.mex"}), "");
  EXPECT_EQ(space_for_topology(explain, {"folder/app.mex"}), "");
}

}  // namespace
}  // namespace zshell
