// SPDX-License-Identifier: Apache-2.0
#include "wire/access_token.h"

#include <algorithm>
#include <array>

#include "stdx/encoding.h"
#include "stdx/rfc3339.h"
#include "stdx/text.h"

namespace wire {

using stdx::Code;

namespace {

constexpr char version = 1;
constexpr std::size_t id_bytes = 8, expiry_bytes = 8, mac_bytes = 16;
constexpr std::size_t head_bytes = 2 + expiry_bytes + id_bytes;
constexpr std::size_t text_bytes_max = 1024;

constexpr std::array<std::pair<std::string_view, Role>, 6> roles = {{{"none", Role::none},
                                                                     {"page", Role::page},
                                                                     {"ingress", Role::ingress},
                                                                     {"read", Role::read},
                                                                     {"operate", Role::operate},
                                                                     {"admin", Role::admin}}};

stdx::Result<stdx::Bytes> mac_of(ports::ClusterKey& key, stdx::BytesView claims) {
  TRY_ASSIGN(auto mac, key.mac(ports::ClusterKey::Purpose::access, claims));
  mac.resize(mac_bytes, '\0');
  return mac;
}

}  // namespace

std::string_view to_string(Role role) {
  for (const auto& [name, known] : roles)
    if (known == role) return name;
  return "none";
}

stdx::Result<Role> role_named(std::string_view name) {
  for (const auto& [known, role] : roles)
    if (role > Role::page && known == name) return role;
  return stdx::fail(Code::invalid, stdx::format("'{}' is no role; of access tokens they are "
                                                "read, operate, admin and ingress, of join tokens "
                                                "super and local",
                                                stdx::printable(name, 40)));
}

bool is_token_id(std::string_view text) {
  return text.size() == 2 * id_bytes && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::uint64_t seconds_of(stdx::WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  return seconds < 0 ? 0 : static_cast<std::uint64_t>(seconds);
}

stdx::Result<std::string> sign(ports::ClusterKey& key, const AccessToken& token) {
  TRY_ASSIGN(const auto id, stdx::hex_decode(token.id));
  if (id.size() != id_bytes) return stdx::fail(Code::invalid, "the id of a token has 8 bytes");
  stdx::Bytes claims{version, static_cast<char>(token.role)};
  for (int shift = 56; shift >= 0; shift -= 8)
    claims.push_back(static_cast<char>(token.expires >> shift & 255));
  claims += id + token.scope;
  TRY_ASSIGN(const auto mac, mac_of(key, claims));
  return std::string(access_token_prefix) + stdx::base32_encode(claims + mac);
}

stdx::Result<AccessToken> check_access_token(ports::ClusterKey& key, std::string_view text,
                                             stdx::WallTime now) {
  const auto unknown = stdx::fail(Code::denied, "it is no token of this cluster");
  if (!text.starts_with(access_token_prefix) || text.size() > text_bytes_max) return unknown;
  const auto bytes = stdx::base32_decode(text.substr(access_token_prefix.size()));
  if (!bytes || bytes->size() < head_bytes + mac_bytes || (*bytes)[0] != version) return unknown;
  const auto claims = stdx::BytesView(*bytes).substr(0, bytes->size() - mac_bytes);
  if (auto good = key.check(ports::ClusterKey::Purpose::access, claims,
                            stdx::BytesView(*bytes).substr(claims.size()));
      !good) {
    if (good.error().code == Code::denied) return unknown;
    return std::unexpected(good.error());
  }
  AccessToken token;
  const auto role = static_cast<std::uint8_t>(claims[1]);
  if (role == 0 || role > static_cast<std::uint8_t>(Role::admin)) return unknown;
  token.role = static_cast<Role>(role);
  for (std::size_t i = 0; i < expiry_bytes; ++i)
    token.expires = token.expires << 8 | static_cast<unsigned char>(claims[2 + i]);
  token.id = stdx::hex_encode(claims.substr(2 + expiry_bytes, id_bytes));
  token.scope = claims.substr(head_bytes);
  if (token.expires <= seconds_of(now))
    return stdx::fail(
        Code::denied,
        stdx::format("token {} expired at {}", token.id,
                     stdx::format_rfc3339(stdx::WallTime(std::chrono::seconds(token.expires)))));
  return token;
}

}  // namespace wire
