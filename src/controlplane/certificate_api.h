// SPDX-License-Identifier: Apache-2.0
#pragma once

// The control plane as certificate authority: answers POST /v1/certificates, records the keys that
// zhosts prove, keeps the certificate of the control plane itself and the cluster's keys current.
// What is issued to whom is Authority's decision.
//
// A certificate is renewed while the store is away. While the records are not open (P15) no key is
// written: they may be older than the zhost; it is recorded once they open.

#include <functional>
#include <map>
#include <string>

#include "controlplane/authority.h"
#include "controlplane/records_cache.h"
#include "controlplane/records_gate.h"
#include "ports/credentials.h"
#include "ports/http.h"
#include "ports/runtime.h"
#include "ports/store.h"
#include "rpc/log_rate_limiter.h"

namespace controlplane {

class CertificateApi {
 public:
  CertificateApi(ports::Runtime& runtime, ports::Store& store, ports::LinkIdentity& identity,
                 Authority& authority, RecordsGate& gate, RecordsCache& records);

  // What zhosts are told of the members changed: a key or a join token.
  std::function<void()> on_change;

  void certify(const ports::HttpRequest& request, ports::HttpReply reply);

  // The control plane's own certificate, where it is due. Called with each poll, as the clock of
  // the wall may jump.
  void renew_own();
  // The next renew_own() makes it anew.
  void trust_changed() { own_until_ = {}; }
  // The cluster's keys, where new ones are due. Called with each poll.
  void change_keys();
  // Writes the keys that were proved before the records opened, and that are not written yet.
  void record_keys();

 private:
  static constexpr int tries_max = 5;

  void certify(const v1::CertifyRequest& request, const std::string& source, int tries,
               ports::HttpReply reply);
  void refused(const v1::CertifyRequest& request, const stdx::Error& why);
  void follow_keys(const v1::CertifyRequest& request);
  // One row of the keys. A failure shows as trouble of the records.
  void commit_key(const ports::RecordChange& change, std::function<void(const stdx::Status&)> done);

  ports::Runtime& runtime_;
  ports::Store& store_;
  ports::LinkIdentity& identity_;
  Authority& authority_;
  RecordsGate& gate_;
  RecordsCache& records_;
  rpc::LogRateLimiter refusals_;
  std::map<std::string, ports::RecordChange> unrecorded_;  // by zhost; at most members_max
  stdx::WallTime own_until_{};  // when the certificate of this control plane is made anew
  ports::Counter& certified_;
  ports::Counter& certificates_refused_;
  ports::Counter& attempts_held_back_;
  ports::Gauge& own_expires_;
  ports::Gauge& authority_expires_;
};

}  // namespace controlplane
