// SPDX-License-Identifier: Apache-2.0
#include "wire/revoked_tokens.h"

#include <algorithm>
#include <optional>

#include "model/topology.h"
#include "stdx/text.h"
#include "wire/access_token.h"

namespace wire {

namespace {

constexpr std::string_view of_zhost = "zhost:", of_join_token = "join:";

bool is_known(const std::string& id) {
  if (id.starts_with(of_join_token)) return is_token_id(id.substr(of_join_token.size()));
  return is_token_id(id) || revoked_zhost(id).has_value();
}

bool is_seal(std::string_view text) {
  return text.size() <= 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

}  // namespace

std::string revoked_zhost_id(const std::string& zhost, const std::string& key_id) {
  return stdx::format("{}{}:{}", of_zhost, zhost, key_id);
}

std::optional<ports::Trust::Revoked> revoked_zhost(std::string_view id) {
  const auto parts = stdx::split(id, ':');
  if (parts.size() != 3 || !id.starts_with(of_zhost) || !model::is_name(parts[1]) ||
      !ports::is_key_id(parts[2]))
    return std::nullopt;
  return ports::Trust::Revoked{std::string(parts[1]), std::string(parts[2])};
}

std::string ended_join_token_id(const std::string& token_id) {
  return stdx::format("{}{}", of_join_token, token_id);
}

std::vector<ports::Trust::Revoked> revoked_zhosts(const RevokedTokens& revoked) {
  std::vector<ports::Trust::Revoked> zhosts;
  for (const auto& text : revoked.list())
    if (auto zhost = revoked_zhost(std::string_view(text).substr(0, text.find('/'))))
      zhosts.push_back(std::move(*zhost));
  return zhosts;
}

bool RevokedTokens::add(const std::vector<std::string>& tokens, stdx::WallTime now) {
  const auto seconds = seconds_of(now);
  std::erase_if(tokens_, [&](const auto& token) { return token.second.expires <= seconds; });
  bool news = false;
  for (const auto& text : tokens) {
    const auto parts = stdx::split(text, '/');
    if (parts.size() < 2 || parts.size() > 3) continue;
    const std::string id(parts[0]), seal(parts.size() == 3 ? parts[2] : "");
    const auto expires = stdx::parse_u64(parts[1]);
    if (!is_known(id) || !is_seal(seal) || !expires || *expires <= seconds) continue;
    news |= tokens_.insert_or_assign(id, Token{*expires, seal}).second;
    if (tokens_.size() > tokens_max)
      tokens_.erase(std::min_element(
          tokens_.begin(), tokens_.end(),
          [](const auto& a, const auto& b) { return a.second.expires < b.second.expires; }));
  }
  return news;
}

std::vector<std::string> RevokedTokens::list() const {
  std::vector<std::string> list;
  for (const auto& [id, token] : tokens_)
    list.push_back(
        stdx::format("{}/{}{}{}", id, token.expires, token.seal.empty() ? "" : "/", token.seal));
  return list;
}

std::vector<std::string> RevokedTokens::sealed() const {
  std::vector<std::string> list;
  for (const auto& [id, token] : tokens_)
    if (!token.seal.empty() && list.size() < sealed_max)
      list.push_back(stdx::format("{}/{}/{}", id, token.expires, token.seal));
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
