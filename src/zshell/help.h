// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the shell says of its own commands: the list of them, one with an example, and which one a
// word may have meant that no command takes. Pure.

#include <optional>
#include <string>
#include <vector>

#include "zshell/grammar.h"

namespace zshell {

class Help {
 public:
  using Words = std::vector<std::string>;

  // In the order of the list.
  explicit Help(std::vector<CommandText> commands) : commands_(std::move(commands)) {}

  std::string list() const;
  std::string list_as_json() const;

  struct Page {
    std::string text, json;
  };
  // Of a command, or where the words are those of several, of all of them. None: there is none.
  std::optional<Page> page(const Words& words) const;

  // Why `words` are no command: those of `before` are known, the next one is not. `known`: what
  // there is instead.
  std::string unknown(const Words& words, const std::string& before,
                      const std::string& known) const;

 private:
  std::vector<const CommandText*> named(const Words& words) const;

  std::vector<CommandText> commands_;
};

// The command with the most words that `words` begin with, by its place in the list.
std::optional<std::size_t> find_command(const std::vector<CommandText>& commands,
                                        const std::vector<std::string>& words);

}  // namespace zshell
