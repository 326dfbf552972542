// SPDX-License-Identifier: Apache-2.0
#pragma once

// The join tokens that operators make (`cluster token create`): each lets some zhosts join, by
// default one, within some time, by default ten minutes. What is kept is an id and the hash of a
// secret; who joined with which stays for a week after it expired. Pure; the control plane writes
// the rows.
//
// Bounds: tokens_max rows; past it none is made (Code::full). Rows that are over leave with the
// next one that is made.

#include <map>
#include <string>
#include <vector>

#include "ports/store.h"
#include "samoza/v1/join.pb.h"
#include "stdx/result.h"
#include "stdx/time.h"
#include "wire/join_token.h"

namespace controlplane {

namespace v1 = samoza::v1;

class JoinTokens {
 public:
  static constexpr const char* record_kind = "join-token";
  static constexpr std::size_t tokens_max = 1000;
  static constexpr std::size_t tidied_max = 100;
  static constexpr std::size_t id_given_min = 4;  // as much of an id names a token
  static constexpr std::uint64_t ttl_seconds = 600, ttl_seconds_max = 30 * 86'400;
  static constexpr std::uint32_t uses_max = 1000;
  static constexpr std::uint64_t kept_seconds = 7 * 86'400;  // after it expired

  void learn(v1::JoinTokenRecord record, std::uint64_t version);
  void forget(const std::string& id) { rows_.erase(id); }
  bool knows(const std::string& id) const { return rows_.contains(id); }

  // What to write for a new one, its row first. Code::invalid, Code::full.
  stdx::Result<std::vector<ports::RecordChange>> make(const v1::JoinTokenRequest& request,
                                                      const wire::JoinToken& token,
                                                      const stdx::Bytes& secret_hash,
                                                      stdx::WallTime now) const;
  // `id` or its beginning. Code::not_found, Code::conflict: it was revoked before.
  stdx::Result<ports::RecordChange> revoke(const v1::JoinTokenRevoke& request,
                                           stdx::WallTime now) const;
  // Whether a zhost may join with it now. Code::denied; the message says why not, each reason in
  // words of its own. Without the secret it tells nothing.
  stdx::Result<v1::JoinTokenRecord> check(const std::string& id, const stdx::Bytes& secret_hash,
                                          stdx::WallTime now) const;
  // What to write when `zhost` joined with it.
  ports::RecordChange used(const std::string& id, const std::string& zhost,
                           stdx::WallTime now) const;

  // Those that were used up or revoked and would be good otherwise: id -> when they expire.
  std::map<std::string, std::uint64_t> ended(stdx::WallTime now) const;

  v1::JoinTokenList list(stdx::WallTime now) const;  // those that were made last first
  static v1::JoinTokenView view_of(const v1::JoinTokenRecord& record, stdx::WallTime now);

 private:
  struct Row {
    v1::JoinTokenRecord record;
    std::uint64_t version = 0;
  };
  stdx::Result<std::string> find(const std::string& id) const;

  std::map<std::string, Row> rows_;
};

}  // namespace controlplane
