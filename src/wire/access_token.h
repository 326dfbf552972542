// SPDX-License-Identifier: Apache-2.0
#pragma once

// Access tokens: "smz_" and, in base32, what the token may and a MAC under a key of the cluster
// (ports/cluster_key.h). So every zhost can check one by itself, with or without a leader, and
// nobody keeps it: the records hold its id, to list and to revoke it (docs/how-to/tokens.md).
//
// The session of a browser at a page is one of them, too: of the role `page`, with the id of the
// token that was given at the login, so that it ends when that one is revoked.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ports/cluster_key.h"
#include "stdx/result.h"
#include "stdx/time.h"

namespace wire {

enum class Role : std::uint8_t {
  none = 0,
  page = 1,
  ingress = 2,
  read = 3,
  operate = 4,
  admin = 5
};
std::string_view to_string(Role role);
// Of a token that people are given: read, operate, admin, ingress.
stdx::Result<Role> role_named(std::string_view name);

struct AccessToken {
  std::string id;  // 16 hex digits
  Role role = Role::none;
  std::string scope;          // ingress: the topology's name; page: TOPOLOGY/SPACE
  std::uint64_t expires = 0;  // seconds since 1970
  bool operator==(const AccessToken&) const = default;
};

inline constexpr std::string_view access_token_prefix = "smz_";
// The id of what the operator's token of a zhost, which has none, was exchanged for.
inline constexpr std::string_view operator_token_id = "0000000000000000";

bool is_token_id(std::string_view text);
// Code::unavailable: this zhost has no key yet.
stdx::Result<std::string> sign(ports::ClusterKey& key, const AccessToken& token);
// Code::denied: it is no token of this cluster, or has expired; the message says which.
stdx::Result<AccessToken> check_access_token(ports::ClusterKey& key, std::string_view text,
                                             stdx::WallTime now);

std::uint64_t seconds_of(stdx::WallTime time);

}  // namespace wire
