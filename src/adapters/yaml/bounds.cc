// SPDX-License-Identifier: Apache-2.0
#include "adapters/yaml/bounds.h"

#include <algorithm>

#include "adapters/yaml/yaml.h"
#include "stdx/text.h"

namespace adapters::yaml {

using stdx::Code;
using stdx::format;

namespace {

// Far more than people write into texts, and few enough for the scanner if they did nest.
constexpr std::size_t not_counted_max = 200'000;
constexpr std::size_t indents_max = 4 * depth_max, run_max = 4 * depth_max;

bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}
bool bracket(char c) {
  return c == '[' || c == '{';
}

}  // namespace

std::unexpected<stdx::Error> Bounds::refuse(const std::string& why) const {
  return stdx::fail(Code::invalid, format("{}:{}: {}", file_, line_, why));
}

stdx::Status Bounds::check() {
  if (text_.size() > bytes_max)
    return stdx::fail(Code::invalid, format("{}: {} bytes; a YAML file may have {}", file_,
                                            text_.size(), bytes_max));
  if (text_.find('\0') != std::string::npos || text_.starts_with("\xef\xbb\xbf") ||
      text_.starts_with("\xff\xfe") || text_.starts_with("\xfe\xff"))
    return refuse("must be plain UTF-8 without a byte-order mark");
  for (std::size_t at = 0; at < text_.size(); ++line_) {
    const auto end = std::min(text_.find('\n', at), text_.size());
    const auto line = std::string_view(text_).substr(at, end - at);
    at = end + 1;
    const auto indent = std::min(line.find_first_not_of(' '), line.size());
    if (in_block_scalar(line, indent)) continue;
    if (indented_by_tab(line, indent))
      return refuse("a tab in the indentation; YAML is indented by spaces only");
    if (!take_line(line)) return refuse(format("nested deeper than {} levels", depth_max));
    if (not_counted_ > not_counted_max)
      return refuse(format("more than {} brackets in comments and texts", not_counted_max));
    begins_block_scalar(line, indent);
  }
  return {};
}

// Lines deeper than the one that began it, and empty ones.
bool Bounds::in_block_scalar(std::string_view line, std::size_t indent) {
  if (block_indent_ < 0) return false;
  const bool empty = line.find_first_not_of(" \t\r") == std::string_view::npos;
  if (!empty && static_cast<long>(indent) <= block_indent_) {
    block_indent_ = -1;
    return false;
  }
  not_counted_ += static_cast<std::size_t>(std::count_if(line.begin(), line.end(), bracket));
  return true;
}

bool Bounds::indented_by_tab(std::string_view line, std::size_t indent) const {
  if (quote_ != 0 || !open_.empty() || indent == line.size() || line[indent] != '\t') return false;
  const auto first = line.find_first_not_of(" \t\r");
  return first != std::string_view::npos && line[first] != '#';
}

bool Bounds::take_line(std::string_view line) {
  run_ = 0;
  const auto indent = line.find_first_not_of(" \t\r");
  if (indent == std::string_view::npos) return true;
  // Plain text goes on in deeper lines, and within brackets in any.
  const bool goes_on =
      value_ == Value::plain && (!open_.empty() || (!indents_.empty() && indent > indents_.back()));
  if (!goes_on) value_ = Value::none;
  if (quote_ == 0 && !goes_on && line[indent] != '#') {
    while (!indents_.empty() && indents_.back() >= indent) indents_.pop_back();
    indents_.push_back(indent);
  }
  for (std::size_t at = indent; at < line.size(); ++at) {
    const bool first = at == 0 || blank(line[at - 1]);
    if (quote_ == 0 && line[at] == '#' && first) {
      const auto comment = line.substr(at);
      not_counted_ +=
          static_cast<std::size_t>(std::count_if(comment.begin(), comment.end(), bracket));
      value_ = Value::none;
      break;
    }
    if (quote_ == '"' && line[at] == '\\') {
      ++at;
      continue;
    }
    if (!take_byte(line, at)) return false;
  }
  return indents_.size() <= indents_max;
}

bool Bounds::take_byte(std::string_view line, std::size_t at) {
  const char c = line[at];
  if (quote_ != 0) {
    if (c == quote_) quote_ = 0;  // '' within single quotes closes and opens again
    not_counted_ += bracket(c);
    return true;
  }
  const bool ends_word = at + 1 == line.size() || blank(line[at + 1]);
  const bool in_flow = !open_.empty();
  if (bracket(c) && (in_flow || value_ == Value::none)) {
    open_.push_back({c, line_});
    value_ = Value::none;
  } else if ((c == ']' || c == '}') && in_flow) {
    open_.pop_back();
    value_ = Value::ended;
  } else if ((c == ',' && in_flow) || (c == ':' && (ends_word || in_flow))) {
    value_ = Value::none;
    run_ += c == ':';
  } else if ((c == '-' || c == '?') && ends_word && value_ == Value::none) {
    ++run_;
  } else if ((c == '"' || c == '\'') && value_ == Value::none) {
    quote_ = c;
    quote_line_ = line_;
    value_ = Value::ended;
  } else if (!blank(c)) {
    value_ = Value::plain;
    run_ = 0;
  }
  return open_.size() <= static_cast<std::size_t>(depth_max) && run_ <= run_max;
}

// "key: |", "- >2-": what follows, deeper, is text.
void Bounds::begins_block_scalar(std::string_view line, std::size_t indent) {
  if (quote_ != 0 || !open_.empty()) return;
  if (const auto comment = line.find(" #"); comment != std::string_view::npos)
    line = line.substr(0, comment);
  const auto last = line.find_last_not_of(" \t\r");
  if (last == std::string_view::npos) return;
  line = line.substr(0, last + 1);
  const auto mark = line.find_last_not_of("+-0123456789");
  if (mark == std::string_view::npos || line.size() - mark > 3) return;
  if ((line[mark] == '|' || line[mark] == '>') && (mark == 0 || blank(line[mark - 1])))
    block_indent_ = static_cast<long>(indent);
}

std::string Bounds::unclosed() const {
  if (quote_ != 0) return format("the {} that begins here is not closed", quote_);
  return open_.empty() ? "" : format("the {} that begins here is not closed", open_.back().what);
}

}  // namespace adapters::yaml
