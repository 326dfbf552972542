// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/http_text.h"

#include "stdx/text.h"

namespace adapters::net {
namespace {

using stdx::Code;

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// In a path an encoded slash would make another path of it; in a value it is a character.
stdx::Result<std::string> decode(std::string_view text, bool is_path) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() + 0 && i + 1 < text.size() ? hex(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
      if (high < 0 || low < 0) return stdx::fail(Code::invalid, "a %-escape of the path is broken");
      c = static_cast<char>(high << 4 | low);
      i += 2;
      if (is_path && (c == '/' || c == '\\'))
        return stdx::fail(Code::invalid, "encoded slashes are not taken");
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return stdx::fail(Code::invalid, "control bytes are not taken in a path");
    out += c;
  }
  // printable() replaces what is not UTF-8; a difference means that there was some.
  if (stdx::printable(out, out.size() + 1) != out)
    return stdx::fail(Code::invalid, "the path is not UTF-8");
  return out;
}

}  // namespace

stdx::Result<Target> split_target(const std::string& target) {
  if (target.empty() || target[0] != '/')
    return stdx::fail(Code::invalid, "the request's target is no path");
  Target out;
  const auto mark = target.find('?');
  TRY_ASSIGN(out.path, decode(std::string_view(target).substr(0, mark), /*is_path=*/true));
  for (const auto segment : stdx::split(out.path, '/'))
    if (segment == ".." || segment == ".")
      return stdx::fail(Code::invalid, "the path climbs out of itself");
  if (mark == std::string::npos) return out;
  for (const auto pair : stdx::split(std::string_view(target).substr(mark + 1), '&')) {
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    TRY_ASSIGN(auto name, decode(pair.substr(0, equals), /*is_path=*/false));
    std::string value;
    if (equals != std::string_view::npos) {
      TRY_ASSIGN(value, decode(pair.substr(equals + 1), /*is_path=*/false));
    }
    if (!out.query.emplace(std::move(name), std::move(value)).second)
      return stdx::fail(Code::invalid, "a query parameter is given twice");
  }
  return out;
}

std::string percent_encode(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (keep_slash && c == '/');
    if (plain)
      out += c;
    else
      out += stdx::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace adapters::net
