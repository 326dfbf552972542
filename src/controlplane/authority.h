// SPDX-License-Identifier: Apache-2.0
#pragma once

// The cluster's certificate authority: decides who gets certificates, and signs them. A zhost gets
// them when it proves one of:
//
// - the key that the records have of it (so it comes back after any absence);
// - a join token;
// - where the records have no key of it, say because they were put back from an older copy: a
//   certificate that this authority signed for that key once, of any age.
//
// The key that it proved is recorded, once: a join token does not give away the id of a zhost that
// has joined before, except the token of join_token_file, whose owner may replace a key.
//
// Decisions are pure but for the certifier; records come in by learn() and go out as a Decision.
// Bound: false tokens are answered Code::full past attempts_max at once, then but one a second.

#include <map>
#include <optional>
#include <string>

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
  static constexpr std::uint64_t attempts_max = 20;

  struct Options {
    std::string cluster_id;
    ports::KeyAndCertificate authority;
    // Where the control plane is reached, for clients that check it (browser, curl).
    std::vector<std::string> addresses;
    // The token of join_token_file: reusable, its owner may replace keys. Empty: there is none.
    std::string local_token_id;
    stdx::Bytes local_token_hash;  // wire::secret_hash
  };

  Authority(ports::Certifier& certifier, Options options);

  // Of the records.
  void learn(const std::string& zhost, v1::KeyRecord record, std::uint64_t version);
  void forget(const std::string& zhost) { keys_.erase(zhost); }

  struct Decision {
    std::optional<ports::RecordChange> change;  // to be written; what is asked for does not wait
    std::string why;                            // for the log: "joined", "renewed", …
  };
  // Code::denied: it proves nothing; the message says what to do. Code::full: too many tried.
  stdx::Result<Decision> judge(const v1::CertifyRequest& request, stdx::Instant now,
                               stdx::WallTime wall);
  // For a request that judge() let pass.
  stdx::Result<v1::CertifyReply> issue(const v1::CertifyRequest& request, stdx::WallTime wall);

  // The control plane's own: made with a key of this process.
  stdx::Result<ports::KeyAndCertificate> own(stdx::WallTime wall);
  ports::Trust trust() const { return {options_.cluster_id, {options_.authority.certificate}, {}}; }
  const ports::Validity& validity() const { return validity_; }  // of the authority

 private:
  struct Row {
    v1::KeyRecord record;
    std::uint64_t version = 0;
  };
  stdx::Result<Decision> judge_proof(const v1::CertifyRequest& request, const stdx::Bytes& key,
                                     stdx::Instant now, stdx::WallTime wall);
  stdx::Status check_token(const v1::CertifyRequest& request, stdx::Instant now);
  stdx::Status check_former(const v1::CertifyRequest& request, const stdx::Bytes& key,
                            stdx::WallTime wall) const;
  Decision record(const v1::CertifyRequest& request, const stdx::Bytes& key, stdx::WallTime wall,
                  const char* why) const;

  ports::Certifier& certifier_;
  Options options_;
  ports::Validity validity_;
  stdx::Bytes own_key_;
  std::map<std::string, Row> keys_;
  std::uint64_t attempts_left_ = attempts_max;
  stdx::Instant attempts_at_{};
};

}  // namespace controlplane
