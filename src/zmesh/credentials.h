// SPDX-License-Identifier: Apache-2.0
#pragma once

// The certificates of this zhost: makes its keys once, asks the control plane for certificates of
// them (POST /v1/certificates, docs/wire.md), puts them to use, and renews them at half their life,
// also when they expired long ago. The first time it proves a join token, later its key.
//
// What it has is kept by its owner (Options.keep) and handed back at the next start. A join token
// that pins another authority than the kept one wins: the cluster was made anew.
//
// One loop. Before the first certificate nothing links to other zhosts. A refusal is tried again
// after 0.1 to 30 s, and logged once for each reason.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ports/credentials.h"
#include "ports/http.h"
#include "ports/runtime.h"
#include "samoza/v1/join.pb.h"
#include "zmesh/control_plane_addresses.h"

namespace zmesh {

namespace v1 = samoza::v1;

class Credentials {
 public:
  struct Options {
    std::string cluster_id, zhost;
    v1::ZhostCredentials kept;  // from the last start; may be empty
    std::function<void(const v1::ZhostCredentials&)> keep;
    // The text of the join token. Code::unavailable: there is none yet.
    std::function<stdx::Result<std::string>()> join_token;
    // The keys of the cluster's MACs come with the certificates (wire/key_ring.h), by our clock.
    v1::KeyRing kept_keys{};
    std::function<void(const v1::KeyRing&)> keep_keys{};
  };
  // Clocks that differ by more than this are a warning.
  static constexpr stdx::Duration clocks_differ = std::chrono::minutes(5);
  // Every zhost is told of new keys at once; they ask one after the other.
  static constexpr stdx::Duration keys_spread = std::chrono::seconds(1);
  static constexpr stdx::Duration doubt_every = std::chrono::seconds(5);

  // `http` is asked over; what it trusts and shows is security.asking, and it shows nothing. So
  // asking for another certificate touches no link to another zhost.
  Credentials(ports::Runtime& runtime, const ports::Security& security, ports::HttpClient& http,
              ControlPlaneAddresses& control_plane, Options options);
  ~Credentials();

  // There is a certificate that is good now: at once in start(), or later, and after each renewal.
  std::function<void()> on_change;

  void start();
  // There are keys of that generation: they are asked for where ours are older.
  void keys_wanted(std::uint64_t generation);
  // The control plane does not take our certificate: it is asked for another. The links to other
  // zhosts keep this one meanwhile. At most once in doubt_every.
  void doubt();
  // Whose certificates are not good any more.
  void set_revoked(std::vector<ports::Trust::Revoked> revoked);
  // Good now.
  bool ready() const { return ready_; }
  const v1::ZhostCredentials& current() const { return current_; }
  ports::Trust trust() const;
  // Of the zhost's certificate and of the authority's, while there are any.
  std::optional<ports::Validity> validity() const { return validity_; }
  std::optional<ports::Validity> authority_validity() const { return authority_validity_; }
  // Why there is no certificate, or no new one; empty: all is well.
  const std::string& trouble() const { return trouble_; }
  // The clock of the control plane less ours, when it was last heard.
  stdx::Duration clock_difference() const { return clock_difference_; }

 private:
  void take_kept();
  void make_keys();
  void replace_keys();
  void look();
  void look_after(stdx::Duration wait);
  bool use_if_good();
  bool due(stdx::WallTime now) const;
  bool keys_due() const;
  void ask();
  stdx::Result<v1::CertifyRequest> request(const std::optional<std::string>& token);
  stdx::Status prepare(std::optional<std::string>& token);
  void answered(stdx::Result<ports::HttpResponse> response);
  stdx::Status take(const v1::CertifyReply& reply);
  void failed(const stdx::Error& why);

  ports::Runtime& runtime_;
  ports::Certifier& certifier_;
  ports::LinkIdentity& links_;
  ports::LinkIdentity& asking_as_;
  ports::HttpClient& http_;
  ControlPlaneAddresses& control_plane_;
  Options options_;
  v1::ZhostCredentials current_;
  v1::KeyRing keys_;
  std::uint64_t keys_wanted_ = 0;
  std::vector<ports::Trust::Revoked> revoked_;
  bool doubted_ = false;
  std::optional<stdx::Instant> doubted_at_;
  std::optional<ports::Validity> validity_, authority_validity_;
  bool names_key_ = false;  // one of a former version does not, and cannot be revoked
  bool ready_ = false, asking_ = false;
  bool token_wanted_ = false;  // the control plane does not know our key
  std::string trouble_ = "no certificate yet", logged_;
  stdx::Duration clock_difference_{}, back_off_;
  bool clocks_logged_ = false;
  ports::Timer timer_;
  ports::Gauge& expires_;
  ports::Gauge& authority_expires_;
  ports::Gauge& clock_gauge_;
  ports::Counter& renewed_;
  ports::Counter& failed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zmesh
