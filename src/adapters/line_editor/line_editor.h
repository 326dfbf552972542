// SPDX-License-Identifier: Apache-2.0
#pragma once

// Asks a person for lines on a terminal, with history and completion (libedit). Where stdin is no
// terminal it reads lines all the same, so that scripts can be piped in. Ctrl-C drops the line that
// is being written, Ctrl-D on an empty one is the end of input. Blocks its thread; one per process,
// as libedit keeps state of its own.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace adapters::line_editor {

class LineEditor {
 public:
  static constexpr int history_lines = 500;  // older ones are forgotten

  struct Options {
    std::function<std::string()> prompt;
    // Every line that could come of this beginning.
    std::function<std::vector<std::string>(const std::string& text)> completions;
    // History is read from and kept in this file (0600); empty, or not writable: in memory only.
    std::string history_file;
  };
  explicit LineEditor(Options options);
  ~LineEditor();

  // The next line, without its end; none at the end of input. Blank lines are not given.
  std::optional<std::string> next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace adapters::line_editor
