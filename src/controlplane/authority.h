// SPDX-License-Identifier: Apache-2.0
#pragma once

// The cluster's certificate authority: decides who gets certificates, and signs them. A zhost gets
// them when it proves one of:
//
// - the key that the records have of it (so it comes back after any absence);
// - a join token: one that an operator made (join_tokens.h), or that of join_token_file;
// - where the records have no key of it, say because they were put back from an older copy: a
//   certificate that this authority signed for that key once, of any age.
//
// The key that it proved is recorded, once: a join token does not give away the id of a zhost that
// has joined before, except the token of join_token_file, whose owner may replace a key. A zhost
// that was forgotten joins again with a token and with a key of its own making that is new: its
// former one is good for nothing (revocations.h).
//
// Decisions are pure but for the certifier; records come in by learn() and go out as a Decision.
// Bound: tokens that are not good are answered Code::full where one address shows many
// (join_attempts.h); one that is good never is.

#include <map>
#include <optional>
#include <string>

#include "controlplane/join_attempts.h"
#include "controlplane/join_tokens.h"
#include "controlplane/key_book.h"
#include "controlplane/revocations.h"
#include "ports/credentials.h"
#include "ports/store.h"
#include "samoza/v1/join.pb.h"
#include "stdx/result.h"

namespace controlplane {

namespace v1 = samoza::v1;

class Authority {
 public:
  static constexpr stdx::Duration life = std::chrono::hours(24);
  // Clocks of other machines may be behind.
  static constexpr stdx::Duration backdated = std::chrono::hours(1);
  static constexpr stdx::Duration leeway = std::chrono::hours(1);  // ports::Trust

  struct Options {
    std::string cluster_id;
    ports::KeyAndCertificate authority;
    // Where the control plane is reached, for clients that check it (browser, curl).
    std::vector<std::string> addresses;
    // The token of join_token_file: reusable, its owner may replace keys. Empty: there is none.
    std::string local_token_id;
    stdx::Bytes local_token_hash;  // wire::secret_hash
    // "HOST:PORT", as join tokens name this control plane.
    std::vector<std::string> join_addresses;
  };

  Authority(ports::Certifier& certifier, Options options);

  // Of the records.
  void learn(const std::string& zhost, v1::KeyRecord record, std::uint64_t version);
  void forget(const std::string& zhost) { keys_.erase(zhost); }
  JoinTokens& join_tokens() { return join_tokens_; }
  Revocations& revocations() { return revocations_; }
  // Whether the other side of a link or request, which showed a certificate when the connection
  // began, is still a zhost of this cluster. Code::denied.
  stdx::Status check(const ports::Identity& identity) const;
  KeyBook& keys() { return key_book_; }
  const KeyBook& keys() const { return key_book_; }

  struct Decision {
    // To be written together before the answer; the first is the key's.
    std::vector<ports::RecordChange> changes;
    std::string why;  // for the log: "joined", "renewed", …
  };
  // Code::denied: it proves nothing; the message says what to do. Code::stale: the key that it
  // proves was revoked, and it must make another one. Code::full: too many tried.
  // Code::unavailable: its token can't be counted while the records are not open (P15).
  // `source`: the address that it came from.
  stdx::Result<Decision> judge(const v1::CertifyRequest& request, const std::string& source,
                               stdx::Instant now, stdx::WallTime wall, bool records_open = true);
  // For a request that judge() let pass.
  stdx::Result<v1::CertifyReply> issue(const v1::CertifyRequest& request, stdx::WallTime wall);

  // What to write when a zhost is forgotten: nothing where it has no key. Code::full: see
  // Revocations.
  stdx::Result<std::vector<ports::RecordChange>> to_forget(const std::string& zhost,
                                                           stdx::WallTime wall) const;
  // It may not lead: it joined with a token of role `local`.
  bool is_local(const std::string& zhost) const;
  // For MembersChanged.revoked_tokens: keys and join tokens that are good for nothing any more.
  std::vector<std::string> revoked(stdx::WallTime wall) const;
  // What to write of what a zhost says that it has heard. A token whose own row says that it has
  // ended needs none.
  std::vector<ports::RecordChange> said(const std::vector<std::string>& said,
                                        stdx::WallTime wall) const;
  // A new one of this cluster.
  wire::JoinToken make_join_token(ports::Random& random) const;

  // The control plane's own: made with a key of this process.
  stdx::Result<ports::KeyAndCertificate> own(stdx::WallTime wall);
  ports::Trust trust() const;
  const ports::Validity& validity() const { return validity_; }  // of the authority

 private:
  struct Row {
    v1::KeyRecord record;
    std::uint64_t version = 0;
  };
  stdx::Result<Decision> judge_proof(const v1::CertifyRequest& request, const stdx::Bytes& key,
                                     const std::string& source, stdx::Instant now,
                                     stdx::WallTime wall, bool records_open);
  stdx::Result<Decision> judge_token(const v1::CertifyRequest& request, const stdx::Bytes& key,
                                     stdx::WallTime wall, bool records_open) const;
  bool is_local_token(const v1::CertifyRequest& request) const;
  stdx::Status check_former(const v1::CertifyRequest& request, const stdx::Bytes& key,
                            stdx::WallTime wall) const;
  ports::RecordChange record(const v1::CertifyRequest& request, const stdx::Bytes& key,
                             stdx::WallTime wall, const std::string& role) const;

  ports::Certifier& certifier_;
  Options options_;
  ports::Validity validity_;
  stdx::Bytes own_key_;
  std::map<std::string, Row> keys_;
  Seal seal_;
  JoinTokens join_tokens_;
  Revocations revocations_{seal_};
  KeyBook key_book_;
  JoinAttempts attempts_;
};

}  // namespace controlplane
