// SPDX-License-Identifier: Apache-2.0
// zshell: the operator's shell; with words it runs one command, without it asks for them.
#include <CLI/CLI.hpp>
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

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli("zshell: the operator's shell. Without a command it asks for commands.");
  cli.set_version_flag("--version", std::string("zshell ") + app::version);
  bool json = false;
  std::string config_file = zshell_app::env("SAMOZA_CONFIG", ""),
              run_dir = zshell_app::env("SAMOZA_RUN_DIR", ""), host;
  std::vector<std::string> words;
  cli.add_flag("--json", json, "answers as JSON");
  cli.add_option("--config", config_file, "configuration of the zhost to talk to");
  cli.add_option("--run-dir", run_dir, "its run_dir, where the operator token is");
  cli.add_option("--host", host, "its address (default 127.0.0.1)");
  cli.add_option("command", words, "a command, as `zshell help` lists them");
  cli.allow_extras();
  cli.footer("\n" + zshell::Shell::help());
  try {
    cli.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return cli.exit(help);
  } catch (const CLI::ParseError& error) {
    cli.exit(error);
    return zshell::wrong_use;
  }
  // What looks like an option of a command (--watch) belongs to it.
  for (const auto& extra : cli.remaining()) words.push_back(extra);
  adapters::loop::Loop loop;
  adapters::net::NetHttpClient http(loop, "");
  const auto started = loop.now();
  const auto target = zshell_app::target_of(config_file, run_dir, host);
  const auto outside = [&] { return zshell_app::outside_of(loop, http, target, started); };
  return words.empty() ? repl(outside, json) : run(outside(), json, words);
}
