// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is good for nothing any more, whatever the other records say: keys of zhosts that were
// forgotten, and join tokens that were used up or revoked (join.proto, RevokedRecord).
//
// Every zhost is told of all of it and keeps it, and tells it back when it registers. So records
// that were put back from an older copy make nothing good again. Each carries the seal of this
// authority: a zhost cannot make one up.
//
// Pure; records come in by learn() and go out as changes. At most keys_max keys; past it a zhost is
// forgotten only after the certificates of another one have expired (Code::full). Of what zhosts
// say at most said_max is taken at once, and 2 * keys_max keys and as many tokens altogether: no
// number of tokens keeps a zhost from being forgotten.

#include <map>
#include <string>
#include <vector>

#include "controlplane/seal.h"
#include "ports/credentials.h"
#include "ports/store.h"
#include "stdx/result.h"

namespace controlplane {

class Revocations {
 public:
  static constexpr const char* record_kind = "revoked";
  static constexpr std::size_t keys_max = 1000;
  static constexpr std::size_t said_max = 100;
  static constexpr std::size_t tidied_max = 100;

  explicit Revocations(const Seal& seal) : seal_(seal) {}

  void learn(const std::string& id, std::uint64_t until, std::uint64_t version);
  void forget(const std::string& id) { rows_.erase(id); }

  // Code::denied: its certificates are of a key that was revoked.
  stdx::Status check(const ports::Identity& identity) const;
  bool has_key(const std::string& zhost, const std::string& key_id) const;
  bool has_join_token(const std::string& id) const;
  std::vector<ports::Trust::Revoked> keys() const;

  // What to write where the key of a zhost is revoked: its row first, then those that matter no
  // more. Code::full.
  stdx::Result<std::vector<ports::RecordChange>> revoke_key(const std::string& zhost,
                                                            const std::string& key_id,
                                                            stdx::WallTime now,
                                                            stdx::WallTime until) const;
  // What to write of what a zhost says that it has heard; what has not our seal is left out.
  std::vector<ports::RecordChange> said(const std::vector<std::string>& said,
                                        stdx::WallTime now) const;

  // "ID/SECONDS/SEAL" each, for MembersChanged.revoked_tokens.
  std::vector<std::string> list(stdx::WallTime now) const;
  std::string sealed(const std::string& id, std::uint64_t until) const;

 private:
  struct Row {
    std::uint64_t until = 0, version = 0;
    std::string text;  // as it is told
  };
  std::vector<ports::RecordChange> over(stdx::WallTime now) const;
  // Keys, or join tokens, that are not over.
  std::size_t held(stdx::WallTime now, bool keys) const;

  const Seal& seal_;
  std::map<std::string, Row> rows_;
};

}  // namespace controlplane
