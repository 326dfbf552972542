// SPDX-License-Identifier: Apache-2.0
#include "wire/json_pieces.h"

#include <algorithm>
#include <utility>

#include "stdx/text.h"

namespace wire {
namespace {

constexpr std::string_view space = " \t\r\n";

// Where the string that opens at `at` has ended; npos: it does not end.
std::size_t past_string(std::string_view json, std::size_t at) {
  for (++at; at < json.size(); ++at) {
    if (json[at] == '\\')
      ++at;
    else if (json[at] == '"')
      return at + 1;
  }
  return std::string_view::npos;
}

// Where the value that begins at `at` has ended: at a comma or bracket outside of it.
std::size_t past_value(std::string_view json, std::size_t at) {
  std::size_t depth = 0;
  while (at < json.size()) {
    const char c = json[at];
    if (c == '"') {
      at = past_string(json, at);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) return at;
      --depth;
    }
    if (c == ',' && depth == 0) return at;
    ++at;
  }
  return std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(space);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(space) - from + 1);
}

// What stands between the commas inside the brackets of `text`; false: they do not fit, or there
// are more than members_max.
bool members_of(std::string_view text, char open, char close,
                std::vector<std::string_view>& members) {
  text = trimmed(text);
  if (text.size() < 2 || text.front() != open || text.back() != close) return false;
  if (trimmed(text.substr(1, text.size() - 2)).empty()) return true;
  for (std::size_t at = 1;;) {
    const auto end = past_value(text, at);
    if (end == std::string_view::npos || members.size() == JsonPieces::members_max) return false;
    members.push_back(trimmed(text.substr(at, end - at)));
    if (members.back().empty()) return false;
    if (text[end] != ',') return text[end] == close && end + 1 == text.size();
    at = end + 1;
  }
}

}  // namespace

stdx::Result<JsonPieces> JsonPieces::of(std::string_view json,
                                        const std::vector<std::string_view>& lists) {
  const auto broken = [](std::string_view what) {
    return stdx::fail(stdx::Code::invalid, stdx::format("{} is no JSON: brackets, quotation marks "
                                                        "or commas do not fit",
                                                        what));
  };
  std::vector<std::string_view> fields;
  if (!members_of(json, '{', '}', fields)) return broken("the body");
  JsonPieces pieces;
  for (const auto field : fields) {
    const auto wanted = std::find_if(lists.begin(), lists.end(), [&](std::string_view name) {
      return field.size() > name.size() + 2 && field.front() == '"' &&
             field.substr(1, name.size()) == name && field[name.size() + 1] == '"';
    });
    if (wanted != lists.end()) {
      const auto colon = field.find_first_not_of(space, wanted->size() + 2);
      const auto value = colon == std::string_view::npos || field[colon] != ':'
                             ? std::string_view()
                             : trimmed(field.substr(colon + 1));
      if (value.starts_with('[')) {
        for (const auto& list : pieces.lists_)
          if (list.name == *wanted)
            return stdx::fail(stdx::Code::invalid, stdx::format("'{}' is there twice", *wanted));
        pieces.lists_.push_back({*wanted, {}});
        auto& members = pieces.lists_.back().members;
        if (members_of(value, '[', ']', members)) continue;
        if (members.size() == members_max)
          return stdx::fail(stdx::Code::invalid,
                            stdx::format("'{}' has more than {} members", *wanted, members_max));
        return broken(*wanted);
      }
    }
    pieces.rest_ += (pieces.rest_.empty() ? "" : ",") + std::string(field);
  }
  return pieces;
}

std::string JsonPieces::next(std::size_t bytes) {
  std::string piece;
  if (!std::exchange(begun_, true)) piece = std::move(rest_);
  bool any = !piece.empty();
  for (; list_ < lists_.size() && (!any || piece.size() < bytes); ++list_, member_ = 0) {
    const auto& [name, members] = lists_[list_];
    if (member_ == members.size()) continue;
    piece += stdx::format("{}\"{}\":[", any ? "," : "", name);
    for (bool first = true; member_ < members.size() && (first || piece.size() < bytes);
         first = false)
      piece.append(first ? "" : ",").append(members[member_++]);
    piece += "]";
    any = true;
    if (member_ < members.size()) break;
  }
  return any ? "{" + piece + "}" : "";
}

}  // namespace wire
