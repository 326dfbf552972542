// SPDX-License-Identifier: Apache-2.0
#include "wire/revoked_tokens.h"

#include <algorithm>

#include "stdx/text.h"
#include "wire/access_token.h"

namespace wire {

bool RevokedTokens::add(const std::vector<std::string>& tokens, stdx::WallTime now) {
  const auto seconds = seconds_of(now);
  std::erase_if(tokens_, [&](const auto& token) { return token.second <= seconds; });
  bool news = false;
  for (const auto& text : tokens) {
    const auto slash = text.find('/');
    if (slash == std::string::npos) continue;
    const auto id = text.substr(0, slash);
    const auto expires = stdx::parse_u64(text.substr(slash + 1));
    if (!is_token_id(id) || !expires || *expires <= seconds) continue;
    news |= tokens_.insert_or_assign(id, *expires).second;
    if (tokens_.size() > tokens_max)
      tokens_.erase(
          std::min_element(tokens_.begin(), tokens_.end(),
                           [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
  return news;
}

std::vector<std::string> RevokedTokens::list() const {
  std::vector<std::string> list;
  for (const auto& [id, expires] : tokens_) list.push_back(stdx::format("{}/{}", id, expires));
  return list;
}

std::string RevokedTokens::to_text() const {
  std::string text;
  for (const auto& token : list()) text += token + "\n";
  return text;
}

bool RevokedTokens::add_text(std::string_view text, stdx::WallTime now) {
  std::vector<std::string> tokens;
  for (const auto line : stdx::split(text, '\n')) tokens.emplace_back(line);
  return add(tokens, now);
}

}  // namespace wire
