// SPDX-License-Identifier: Apache-2.0
#pragma once

// The access tokens that were revoked and have not expired yet, and the zhosts that were forgotten
// and whose certificates have not, as a process knows them. It only grows until they expire: an
// older copy of the records does not bring a revoked token back on a zhost that has heard of it.
// Past tokens_max the one that expires first is forgotten.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ports/credentials.h"
#include "stdx/time.h"

namespace wire {

class RevokedTokens {
 public:
  // Twice what the records hold (zrms/token_book.h).
  static constexpr std::size_t tokens_max = 2000;

  // "<id>/<seconds>" each; what reads otherwise is left out. True where something is new.
  bool add(const std::vector<std::string>& tokens, stdx::WallTime now);
  bool contains(const std::string& id) const { return tokens_.contains(id); }
  std::vector<std::string> list() const;

  // As a file: one a line.
  std::string to_text() const;
  bool add_text(std::string_view text, stdx::WallTime now);

 private:
  std::map<std::string, std::uint64_t> tokens_;  // id -> when it expires
};

// What stands for a forgotten zhost among them: its certificates that are valid from `until` or
// earlier (ports::Trust::Revoked).
std::string revoked_zhost_id(const std::string& zhost, stdx::WallTime until);
std::vector<ports::Trust::Revoked> revoked_zhosts(const RevokedTokens& revoked);

}  // namespace wire
