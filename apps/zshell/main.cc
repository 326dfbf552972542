// SPDX-License-Identifier: Apache-2.0
// zshell: the operator's shell; with words it runs one command, without it asks for them.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>

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
       .completions =
           [&](const std::string& text) {
             return zshell::Shell(outside(), false).complete_line(text);
           },
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
    const auto name = word == "-h" ? "--help" : word.substr(0, word.find('='));
    const auto known = zshell::own_options();
    const auto option =
        std::find_if(known.begin(), known.end(), [&](const auto& o) { return name == o.name; });
    const bool flag = option != known.end() && *option->value == 0;
    // What is being completed is no option yet, but for those that say which zhost is asked.
    const bool completing = !given.words.empty() && given.words[0] == "complete";
    // `topo update --help` is of that command.
    const bool of_command = name == "--help" && !given.words.empty();
    if (option == known.end() || (flag && completing) || of_command) {
      given.words.push_back(of_command ? name : word);
      continue;
    }
    own(word);
    if (!flag && name == word && i + 1 < argc) own(argv[++i]);
  }
  // `topo status --watch 7`: the other commands read their options behind everything else.
  const auto own_order = {"logs", "send", "complete"};
  // One of these has an option with a value, which stays behind it.
  const auto has_value = [](const std::string& word) {
    return word == "rollback" || word == "--role" || word == "--ttl" || word == "--uses";
  };
  if (!given.words.empty() &&
      std::find(own_order.begin(), own_order.end(), given.words[0]) == own_order.end() &&
      std::none_of(given.words.begin(), given.words.end(), has_value))
    std::stable_partition(given.words.begin(), given.words.end(),
                          [](const std::string& word) { return !word.starts_with("-"); });
  return given;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli("zshell: the operator's shell. Without a command it asks for commands.");
  cli.set_version_flag("--version", std::string("zshell ") + app::version);
  bool json = false;
  std::string config_file, run_dir = zshell_app::env("SAMOZA_RUN_DIR", ""), host, color = "auto",
                           token, token_file;
  std::vector<std::string> words;
  const std::map<std::string, std::string*> values = {
      {"--config", &config_file}, {"--run-dir", &run_dir}, {"--host", &host},
      {"--color", &color},        {"--token", &token},     {"--token-file", &token_file}};
  for (const auto& option : zshell::own_options()) {
    if (const auto value = values.find(option.name); value != values.end())
      cli.add_option(option.name, *value->second, option.doc)->type_name(option.value);
    else if (option.name == std::string("--json"))
      cli.add_flag(option.name, json, option.doc);
  }
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
  const auto colours = zshell_app::colours_of(color);
  if (!colours) {
    std::fprintf(stderr, "zshell: --color is '%s'; it must be always, never or auto\n",
                 stdx::printable(color, 40).c_str());
    return zshell::wrong_use;
  }
  auto target = zshell_app::target_of(config_file, run_dir, host);
  target.colours = *colours;
  zshell_app::choose_token(target, token, token_file);
  const auto outside = [&] { return zshell_app::outside_of(loop, http, target); };
  return words.empty() ? repl(outside, json) : run(outside(), json, words);
}
