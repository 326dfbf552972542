// SPDX-License-Identifier: Apache-2.0
#include "wire/revoked_tokens.h"

#include <algorithm>
#include <optional>

#include "model/topology.h"
#include "stdx/text.h"
#include "wire/access_token.h"

namespace wire {

namespace {

constexpr std::string_view of_zhost = "zhost:";

std::optional<ports::Trust::Revoked> zhost_of(std::string_view id) {
  const auto parts = stdx::split(id, ':');
  if (parts.size() != 3 || !id.starts_with(of_zhost) || !model::is_name(parts[1]))
    return std::nullopt;
  const auto seconds = stdx::parse_u64(parts[2]);
  constexpr std::uint64_t seconds_max = 1ull << 40;
  if (!seconds || *seconds > seconds_max) return std::nullopt;
  return ports::Trust::Revoked{std::string(parts[1]),
                               stdx::WallTime(std::chrono::seconds(*seconds))};
}

}  // namespace

std::string revoked_zhost_id(const std::string& zhost, stdx::WallTime until) {
  return stdx::format("{}{}:{}", of_zhost, zhost, seconds_of(until));
}

std::vector<ports::Trust::Revoked> revoked_zhosts(const RevokedTokens& revoked) {
  std::vector<ports::Trust::Revoked> zhosts;
  for (const auto& text : revoked.list())
    if (auto zhost = zhost_of(std::string_view(text).substr(0, text.find('/'))))
      zhosts.push_back(std::move(*zhost));
  return zhosts;
}

bool RevokedTokens::add(const std::vector<std::string>& tokens, stdx::WallTime now) {
  const auto seconds = seconds_of(now);
  std::erase_if(tokens_, [&](const auto& token) { return token.second <= seconds; });
  bool news = false;
  for (const auto& text : tokens) {
    const auto slash = text.find('/');
    if (slash == std::string::npos) continue;
    const auto id = text.substr(0, slash);
    const auto expires = stdx::parse_u64(text.substr(slash + 1));
    if ((!is_token_id(id) && !zhost_of(id)) || !expires || *expires <= seconds) continue;
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
