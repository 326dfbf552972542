// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the table of commands says, read as a grammar: "[-n N] [--previous|--all] [TOPOLOGY/]NAME"
// names options, their values, and what stands where. Help, the check of options and completion all
// come of that one text. Pure.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zshell {

struct CommandText {
  const char* words;      // "topo submit"
  const char* arguments;  // "FILE.mex|TOPOLOGY.yaml [--verbose]"
  const char* doc;
};

// What every shell has beside the table: `help` and `exit`.
std::span<const CommandText> own_commands();

// An option of zshell itself, of any command.
struct OwnOption {
  const char* name;
  const char* value;  // empty: a flag
  const char* doc;
};
std::span<const OwnOption> own_options();

struct Arguments {
  struct Option {
    std::string name;
    std::string value;  // what it takes, such as "N"; empty: nothing
  };
  struct Place {
    std::vector<std::string> words;  // alternatives, as "bash" and "zsh"
    std::string name;                // or what stands there: "NAME", "FILE.mex"
  };
  std::vector<Option> options;
  std::vector<Place> places;
  bool last_repeats = false;

  const Option* find(std::string_view option) const;
};
Arguments arguments_of(std::string_view text);

// What is wrong with the options among `words`, or nothing.
std::string unknown_option(const CommandText& command, const std::vector<std::string>& words);

// What is wrong where the command takes a topology and TOPOLOGY/SPACE is given, or nothing.
std::string space_for_topology(const CommandText& command, const std::vector<std::string>& words);

// What may stand where the last of `words` is being written.
struct Next {
  enum class Names { none, topologies, spaces, spaces_of, zhosts };
  std::vector<std::string> words;  // those that begin like it
  Names names = Names::none;       // and names of that kind
  std::string topology;            // whose spaces, of spaces_of
};
Next next_of(std::span<const CommandText> commands, const std::vector<std::string>& words);

// The script for a shell ("bash" or "zsh"); empty for another one.
std::string completion_script(std::string_view shell);

}  // namespace zshell
