// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is good for nothing any more and has not expired yet, as a process knows it: access tokens
// that were revoked, keys of zhosts that were forgotten, join tokens that have ended. It only grows
// until they expire: an older copy of the records brings nothing of it back on a zhost that has
// heard of it. Past tokens_max the one that expires first is forgotten.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ports/credentials.h"
#include "stdx/time.h"

namespace wire {

class RevokedTokens {
 public:
  // More than the records hold (zrms/token_book.h, controlplane/revocations.h, join_tokens.h).
  static constexpr std::size_t tokens_max = 5000;
  static constexpr std::size_t line_bytes_max = 256;

  // "<id>/<seconds>" each, or "<id>/<seconds>/<seal>" where the control plane takes it back
  // (controlplane/revocations.h); what reads otherwise is left out. True where something is new.
  bool add(const std::vector<std::string>& tokens, stdx::WallTime now);
  bool contains(const std::string& id) const { return tokens_.contains(id); }
  std::vector<std::string> list() const;
  // Those that the control plane takes back, at most sealed_max: so many fit a request.
  static constexpr std::size_t sealed_max = 2000;
  std::vector<std::string> sealed() const;

  // As a file: one a line.
  std::string to_text() const;
  bool add_text(std::string_view text, stdx::WallTime now);

 private:
  struct Token {
    std::uint64_t expires = 0;
    std::string seal;
  };
  std::map<std::string, Token> tokens_;  // by id
};

// The ids that stand for a key of a forgotten zhost among them, and for a join token.
std::string revoked_zhost_id(const std::string& zhost, const std::string& key_id);
std::optional<ports::Trust::Revoked> revoked_zhost(std::string_view id);
std::string ended_join_token_id(const std::string& token_id);
std::vector<ports::Trust::Revoked> revoked_zhosts(const RevokedTokens& revoked);

}  // namespace wire
