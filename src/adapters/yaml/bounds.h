// SPDX-License-Identifier: Apache-2.0
#pragma once

// Looks at the bytes of a YAML text before the library does: its size, its nesting, tabs in
// indentation. The library's scanner keeps a token for each open bracket until it knows what they
// are; so their number is bounded here. Text in comments, quotes and block scalars does not nest.
// Whatever this misjudges, Builder bounds the levels once more.

#include <string>
#include <vector>

#include "stdx/result.h"

namespace adapters::yaml {

class Bounds {
 public:
  Bounds(const std::string& text, const std::string& file) : text_(text), file_(file) {}

  // Code::invalid with "file:line: rule".
  stdx::Status check();
  // After check(): what the text opens and never closes, such as "the '[' of line 3 is not closed";
  // or nothing.
  std::string unclosed() const;
  int unclosed_line() const {
    return quote_ != 0 ? quote_line_ : open_.empty() ? 0 : open_.back().line;
  }

 private:
  struct Bracket {
    char what;
    int line;
  };

  bool take_line(std::string_view line);  // false: nested too deep
  bool take_byte(std::string_view line, std::size_t at);
  bool in_block_scalar(std::string_view line, std::size_t indent);
  bool indented_by_tab(std::string_view line, std::size_t indent) const;
  void begins_block_scalar(std::string_view line, std::size_t indent);
  std::unexpected<stdx::Error> refuse(const std::string& why) const;

  const std::string& text_;
  const std::string& file_;
  int line_ = 1;
  std::vector<Bracket> open_;
  std::vector<std::size_t> indents_;  // of the lines that this one may lie in, each deeper
  char quote_ = 0;                    // the quoted text that goes on
  int quote_line_ = 0;
  // Of the value that this line is in: a quote or bracket begins something only where nothing has
  // begun.
  enum class Value { none, plain, ended } value_ = Value::none;
  std::size_t run_ = 0;          // block indicators in a row on this line
  std::size_t not_counted_ = 0;  // brackets within comments, quotes and block scalars
  long block_indent_ = -1;       // of the line that began a block scalar; -1: none
};

}  // namespace adapters::yaml
