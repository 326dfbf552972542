// SPDX-License-Identifier: Apache-2.0
#include "zshell/help.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "stdx/near_miss.h"
#include "stdx/text.h"
#include "zshell/examples.h"
#include "zshell/render.h"
#include "zshell/shell.h"

namespace zshell {

using stdx::format;

std::optional<std::size_t> find_command(const std::vector<CommandText>& commands,
                                        const std::vector<std::string>& words) {
  std::optional<std::size_t> best;
  std::size_t most = 0;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const auto parts = split_words(commands[i].words);
    if (parts.size() > words.size() || parts.size() <= most) continue;
    if (!std::equal(parts.begin(), parts.end(), words.begin())) continue;
    best = i;
    most = parts.size();
  }
  return best;
}

std::string Help::list() const {
  // What is longer has its text on the next line, so that lines fit a terminal.
  constexpr std::size_t column = 34;
  std::string list;
  const auto add = [&](const CommandText& text) {
    const auto command =
        *text.arguments == 0 ? text.words : format("{} {}", text.words, text.arguments);
    list += command.size() <= column ? format("{:<{}}  {}\n", command, column, text.doc)
                                     : format("{}\n{:<{}}  {}\n", command, "", column, text.doc);
  };
  for (const auto& text : commands_) add(text);
  for (const auto& text : own_commands()) add(text);
  return list;
}

std::string Help::list_as_json() const {
  auto list = nlohmann::json::array();
  for (const auto& row : commands_)
    list.push_back({{"command", row.words}, {"arguments", row.arguments}, {"doc", row.doc}});
  return nlohmann::json{{"commands", list}}.dump() + "\n";
}

std::vector<const CommandText*> Help::named(const Words& words) const {
  std::vector<const CommandText*> rows;
  for (const auto& row : commands_) {
    const auto parts = split_words(row.words);
    if (parts == words) rows.insert(rows.begin(), &row);
    if (parts.size() > words.size() && std::equal(words.begin(), words.end(), parts.begin()))
      rows.push_back(&row);
  }
  // `help topo update shop`: what stands behind a command's words is no part of it.
  if (const auto at = find_command(commands_, words);
      rows.empty() && at && *commands_[*at].arguments != 0)
    rows.push_back(&commands_[*at]);
  return rows;
}

std::optional<Help::Page> Help::page(const Words& words) const {
  const auto rows = named(words);
  if (rows.empty()) return std::nullopt;
  auto list = nlohmann::json::array();
  std::string text;
  for (const auto* row : rows) {
    const auto example = example_of(row->words);
    list.push_back({{"command", row->words},
                    {"arguments", row->arguments},
                    {"doc", row->doc},
                    {"example", example}});
    text += format("{}{}{}{}\n    {}\n    example: zshell {}\n", text.empty() ? "" : "\n",
                   row->words, *row->arguments == 0 ? "" : " ", row->arguments, row->doc, example);
  }
  return Page{text, nlohmann::json{{"commands", list}}.dump() + "\n"};
}

std::string Help::unknown(const Words& words, const std::string& before,
                          const std::string& known) const {
  const auto used = split_words(before).size();
  stdx::NearMiss miss(words[used]);
  for (const auto& row : commands_) {
    const auto parts = split_words(row.words);
    if (parts.size() > used &&
        std::equal(parts.begin(), parts.begin() + static_cast<long>(used), words.begin()))
      miss.consider(parts[used]);
  }
  if (before.empty())
    for (const auto& own : own_commands()) miss.consider(own.words);
  return format("no command '{}{}{}'; {}{}", before, before.empty() ? "" : " ",
                stdx::printable(words[used], 60), known, miss.hint());
}

}  // namespace zshell
