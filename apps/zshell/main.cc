// SPDX-License-Identifier: Apache-2.0
// zshell: the operator's shell; with words it runs one command, without it asks for them.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "adapters/line_editor/line_editor.h"
#include "adapters/posix/interrupt.h"
#include "common/app.h"
#include "outside.h"
#include "stdx/text.h"

namespace {

int run(const zshell::Outside& outside, bool json, const std::vector<std::string>& words) {
  const adapters::posix::Interrupt interrupt;
  return zshell::Shell(outside, json).run(words);
}

int repl(const std::function<zshell::Outside()>& outside, bool json) {
  int number = 0, last = zshell::done;
  const auto home = zshell_app::env("HOME", "");
  adapters::line_editor::LineEditor editor(
      {.prompt = [&number] { return stdx::format("zshell[{}] >> ", number); },
       .completions = zshell::Shell::completions,
       .history_file = home.empty() ? "" : home + "/.zshell_history"});
  while (const auto line = editor.next()) {
    auto words = zshell::split_words(*line);
    if (words.empty()) continue;
    if (words[0] == "exit" || words[0] == "quit") break;
    // `--json` for the whole session, or for one line of it.
    const bool line_json = std::erase(words, "--json") > 0;
    if (words.empty()) continue;
    last = run(outside(), json || line_json, words);
    ++number;
  }
  return last;
}

// The options of zshell itself, wherever they stand; everything else is the command, in its order:
// `-n 5` is of `logs`.
struct Given {
  std::vector<std::string> options;  // backwards, as CLI11 takes them
  std::vector<std::string> words;
};
Given own_options(int argc, char** argv) {
  Given given;
  const auto own = [&](const std::string& word) {
    given.options.insert(given.options.begin(), word);
  };
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto name = word.substr(0, word.find('='));
    if (word == "--json" || word == "--version" || word == "--help" || word == "-h") {
      own(word);
    } else if (name == "--config" || name == "--run-dir" || name == "--host") {
      own(word);
      if (name == word && i + 1 < argc) own(argv[++i]);
    } else {
      given.words.push_back(word);
    }
  }
  // `topo status --watch 7`: the other commands read their options behind everything else.
  if (!given.words.empty() && given.words[0] != "logs" && given.words[0] != "send")
    std::stable_partition(given.words.begin(), given.words.end(),
                          [](const std::string& word) { return !word.starts_with("-"); });
  return given;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli("zshell: the operator's shell. Without a command it asks for commands.");
  cli.set_version_flag("--version", std::string("zshell ") + app::version);
  bool json = false;
  std::string config_file, run_dir = zshell_app::env("SAMOZA_RUN_DIR", ""), host;
  std::vector<std::string> words;
  cli.add_flag("--json", json, "answers as JSON");
  cli.add_option("--config", config_file, "configuration of the zhost to talk to");
  cli.add_option("--run-dir", run_dir, "its run_dir, where the operator token is");
  cli.add_option("--host", host, "its address (default 127.0.0.1)");
  cli.add_option("command", words, "a command, as `zshell help` lists them");
  cli.footer("\n" + zshell::Shell::help());
  try {
    auto given = own_options(argc, argv);
    cli.parse(std::move(given.options));
    words = std::move(given.words);
  } catch (const CLI::Success& help) {
    return cli.exit(help);
  } catch (const CLI::ParseError& error) {
    cli.exit(error);
    return zshell::wrong_use;
  }
  adapters::loop::Loop loop;
  adapters::net::NetHttpClient http(loop, "");
  const auto started = loop.now();
  const auto target = zshell_app::target_of(config_file, run_dir, host);
  const auto outside = [&] { return zshell_app::outside_of(loop, http, target, started); };
  return words.empty() ? repl(outside, json) : run(outside(), json, words);
}
