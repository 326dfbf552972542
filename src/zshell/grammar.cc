// SPDX-License-Identifier: Apache-2.0
#include "zshell/grammar.h"

#include <algorithm>
#include <array>
#include <set>

#include "stdx/near_miss.h"
#include "stdx/text.h"

namespace zshell {

using stdx::format;

namespace {

constexpr std::array own = {
    OwnOption{"--json", "", "answers as JSON"},
    OwnOption{"--config", "FILE",
              "configuration of the zhost to talk to (default: the one that startz would take)"},
    OwnOption{"--run-dir", "DIR", "its run_dir, where the operator token is"},
    OwnOption{"--host", "ADDRESS",
              "its address (default: that of the configuration, or 127.0.0.1)"},
    OwnOption{"--token", "TOKEN",
              "an access token; other programs see it: --token-file or SAMOZA_TOKEN hide it"},
    OwnOption{"--token-file", "FILE",
              "a file with the token (default: SAMOZA_TOKEN, else the operator token in run_dir)"},
    OwnOption{"--color", "WHEN",
              "always, never or auto: on a terminal, unless NO_COLOR is set (default)"},
    OwnOption{"--help", "", "this text"},
    OwnOption{"--version", "", "the version"},
};

// A space as TOPOLOGY/NAME, or NAME alone where that is enough.
constexpr std::string_view space_name = "SPACE_NAME";

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

bool is_literal(std::string_view part) {
  return !part.empty() && part[0] >= 'a' && part[0] <= 'z';
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (const auto word : stdx::split(text, ' '))
    if (!word.empty()) words.emplace_back(word);
  return words;
}

// The command with the most words that `words` begin with, of those before the one being written.
const CommandText* command_of(std::span<const CommandText> commands,
                              const std::vector<std::string>& words, std::size_t& used) {
  const CommandText* best = nullptr;
  used = 0;
  for (const auto& command : commands) {
    const auto parts = words_of(command.words);
    if (parts.size() < words.size() && parts.size() > used &&
        std::equal(parts.begin(), parts.end(), words.begin())) {
      best = &command;
      used = parts.size();
    }
  }
  return best;
}

Next::Names names_of(std::string_view command, std::string_view what) {
  if (what == space_name) return Next::Names::spaces;
  if (what == "ZHOST") return Next::Names::zhosts;
  if (what == "SPACE") return Next::Names::spaces_of;
  const bool topology = what == "TOPOLOGY" || what == "NAME" || what == "ID";
  return topology && command.starts_with("topo ") ? Next::Names::topologies : Next::Names::none;
}

}  // namespace

std::span<const CommandText> own_commands() {
  static constexpr CommandText own_texts[] = {
      {"help", "[COMMAND]", "this list, or one command with an example"},
      {"exit", "", "leaves the shell"}};
  return own_texts;
}

std::span<const OwnOption> own_options() {
  return own;
}

const Arguments::Option* Arguments::find(std::string_view option) const {
  const auto at = std::find_if(options.begin(), options.end(),
                               [&](const Option& known) { return known.name == option; });
  return at == options.end() ? nullptr : &*at;
}

Arguments arguments_of(std::string_view given) {
  Arguments arguments;
  auto text = replaced(std::string(given), "[TOPOLOGY/]NAME", space_name);
  text = replaced(std::move(text), "TOPOLOGY/SPACE", space_name);
  bool value_next = false;  // of the last option
  for (auto token : words_of(text)) {
    const bool closed = token.find(']') != std::string::npos;
    std::erase_if(token, [](char c) { return c == '[' || c == ']'; });
    if (token == "...") {
      arguments.last_repeats = true;
      continue;
    }
    Arguments::Place place;
    for (const auto part : stdx::split(token, '|')) {
      if (std::exchange(value_next, false) && !part.starts_with("-")) {
        arguments.options.back().value = part;
        if (closed) break;  // its alternatives
        continue;
      }
      if (part.starts_with("-") && part.size() > 1) {
        arguments.options.push_back({std::string(part), ""});
        value_next = part.data() + part.size() == token.data() + token.size() && !closed;
      } else if (is_literal(part)) {
        place.words.emplace_back(part);
      } else if (part != "-" && place.name.empty()) {
        place.name = part;
      }
    }
    if (!place.words.empty() || !place.name.empty()) arguments.places.push_back(std::move(place));
  }
  return arguments;
}

std::string unknown_option(const CommandText& command, const std::vector<std::string>& words) {
  const auto arguments = arguments_of(command.arguments);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (const auto* known = arguments.find(words[i])) {
      i += !known->value.empty();
      continue;
    }
    if (!words[i].starts_with("--") || words[i].size() == 2) continue;
    stdx::NearMiss miss(words[i]);
    for (const auto& option : arguments.options) miss.consider(option.name);
    for (const auto& option : own) miss.consider(option.name);
    return format("`{}` has no option {}{}", command.words, stdx::printable(words[i], 60),
                  miss.hint());
  }
  return "";
}

std::string space_for_topology(const CommandText& command, const std::vector<std::string>& words) {
  // What stands first: "NAME", or "NAME|FILE", which may have a '/' of its own.
  const auto takes =
      std::string_view(command.arguments).substr(0, std::string_view(command.arguments).find(' '));
  const bool is_topology = std::string_view(command.words).starts_with("topo ") &&
                           (takes == "ID" || takes == "NAME" || takes == "[NAME]");
  if (!is_topology || words.empty() || words[0].find('/') == std::string::npos) return "";
  const auto given = stdx::printable(words[0], 80);
  return stdx::format(
      "`{}` takes a topology, by its name or id; {} names a space: `spaces {}` shows it",
      command.words, given, given);
}

Next next_of(std::span<const CommandText> commands, const std::vector<std::string>& words) {
  Next next;
  if (words.empty()) return next;
  const auto& begun = words.back();
  std::set<std::string> found;
  const auto offer = [&](std::string_view word) {
    if (word.starts_with(begun)) found.insert(std::string(word));
  };
  std::size_t used = 0;
  const auto* command = command_of(commands, words, used);
  const bool of_option = command != nullptr && words.size() >= used + 2;
  const auto arguments = arguments_of(command == nullptr ? "" : command->arguments);
  const auto* option = of_option ? arguments.find(words[words.size() - 2]) : nullptr;
  if (option != nullptr && !option->value.empty()) {
    next.names = names_of(command->words, option->value);
    return next;
  }
  if (begun.starts_with("-")) {
    for (const auto& known : arguments.options) offer(known.name);
    for (const auto& known : own) offer(known.name);
    next.words.assign(found.begin(), found.end());
    return next;
  }
  // Words of commands that go on from here.
  for (const auto& other : commands) {
    const auto parts = words_of(other.words);
    if (parts.size() >= words.size() && std::equal(words.begin(), words.end() - 1, parts.begin()))
      offer(parts[words.size() - 1]);
  }
  if (command != nullptr) {
    std::vector<std::string> before;  // what stands in the places already
    for (std::size_t i = used; i + 1 < words.size(); ++i) {
      const auto* known = arguments.find(words[i]);
      if (known == nullptr)
        before.push_back(words[i]);
      else
        i += !known->value.empty();
    }
    auto at = before.size();
    if (arguments.last_repeats && at >= arguments.places.size()) at = arguments.places.size() - 1;
    if (at < arguments.places.size()) {
      const auto& place = arguments.places[at];
      for (const auto& word : place.words) offer(word);
      next.names = names_of(command->words, place.name);
      if (next.names == Next::Names::spaces_of && !before.empty()) next.topology = before[0];
    }
  }
  next.words.assign(found.begin(), found.end());
  return next;
}

std::string completion_script(std::string_view shell) {
  if (shell == "bash")
    return R"sh(# Completion of zshell for bash: eval "$(zshell completion bash)"
_zshell() {
  local IFS=$'\n'
  COMPREPLY=($("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null))
}
complete -o default -F _zshell zshell
)sh";
  if (shell == "zsh")
    return R"sh(#compdef zshell
# Completion of zshell for zsh: eval "$(zshell completion zsh)", or this text as _zshell in $fpath.
_zshell() {
  local -a found
  found=("${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2> /dev/null)}")
  if [[ -n "${found[1]}" ]]; then compadd -a found; else _files; fi
}
if [[ "${funcstack[1]}" = _zshell ]]; then _zshell "$@"; else compdef _zshell zshell; fi
)sh";
  return "";
}

}  // namespace zshell
