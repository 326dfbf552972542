// SPDX-License-Identifier: Apache-2.0
#pragma once

// Join tokens: "smj_" and, in base32, what a zhost needs to join a cluster: where its control plane
// is, the hash of the key of the cluster's authority (so that the zhost knows the control plane
// before it says anything), the token's id, and a secret. The control plane keeps the id and a hash
// of the secret (docs/how-to/second-zhost.md). Pure.
//
// Not to be confused with access tokens (wire/access_token.h), which let people and programs ask.

#include <string>
#include <vector>

#include "ports/credentials.h"
#include "ports/random.h"
#include "stdx/result.h"

namespace wire {

struct JoinToken {
  std::vector<std::string> addresses;  // "HOST:PORT" of the control plane, at most addresses_max
  stdx::Bytes authority_hash;          // SHA-256 of the authority's public key
  std::string id;                      // 16 hex digits
  stdx::Bytes secret;                  // 32 bytes
  static constexpr std::size_t addresses_max = 8;
  bool operator==(const JoinToken&) const = default;
};

inline constexpr std::string_view join_token_prefix = "smj_";

// A new id and secret.
JoinToken make_join_token(ports::Random& random, std::vector<std::string> addresses,
                          stdx::Bytes authority_hash);
std::string to_text(const JoinToken& token);
// Spaces and line ends around it do not matter. Code::invalid: it is no join token, is cut, or
// names what is no address; the message never holds the token.
stdx::Result<JoinToken> parse_join_token(std::string_view text);

// "HOST:PORT", where an IPv6 address stands in brackets; nothing that means anything to YAML, a
// shell or a URL.
bool is_host_and_port(std::string_view text);

// What the control plane keeps of a secret.
stdx::Bytes secret_hash(const ports::Certifier& certifier, stdx::BytesView secret);

}  // namespace wire
