// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes the rows of members: registers zhosts (POST /v1/register, controlplane.register), marks
// those that the leader found dead or alive again (controlplane.mark) and forgets those that an
// operator gave up (controlplane.forget). Who may register is decided by the certificate, by
// Membership and by RecordsGate.

#include <functional>
#include <string>

#include "controlplane/authority.h"
#include "controlplane/member_announcer.h"
#include "controlplane/member_links.h"
#include "controlplane/membership.h"
#include "controlplane/records_cache.h"
#include "controlplane/records_gate.h"
#include "controlplane/super_methods.h"
#include "ports/http.h"
#include "ports/runtime.h"
#include "ports/store.h"
#include "rpc/rpc_endpoint.h"

namespace controlplane {

class Registrar {
 public:
  // Of POST /v1/register: the nonce of the control plane's hello, in hex. The link that is admitted
  // so has the announcements and answers of its zhost.
  static constexpr const char* link_header = "samoza-link";

  struct Parts {
    Authority& authority;
    Membership& membership;
    RecordsGate& gate;
    RecordsCache& records;
    MemberLinks& links;
    MemberAnnouncer& announcer;
  };
  // Registers its methods.
  Registrar(ports::Runtime& runtime, ports::Store& store, rpc::RpcEndpoint& endpoint,
            SuperMethods methods, std::string cluster_id, Parts parts);

  // A zhost was forgotten: its certificate is not trusted any more.
  std::function<void()> on_forgotten;

  void handle(const ports::HttpRequest& request, ports::HttpReply reply);

 private:
  static constexpr int tries_max = 5;
  template <typename Reply>
  using Done = std::function<void(stdx::Result<Reply>)>;
  // Who registers: its certificate, and the link that it names; 0: none.
  struct Registrant {
    ports::Identity who;
    MemberLinks::LinkId link = 0;
  };

  stdx::Result<MemberLinks::LinkId> authorize(const ports::HttpRequest& request,
                                              const std::string& zhost) const;
  stdx::Status check(const v1::RegisterRequest& request) const;
  void register_member(v1::RegisterRequest request, const Registrant& from, int tries,
                       Done<v1::RegisterReply> done);
  void write_member(const v1::RegisterRequest& request, const Registrant& from, int tries,
                    Done<v1::RegisterReply> done);
  v1::RegisterReply reply_now();
  void mark(const v1::MarkRequest& request, Done<v1::MarkReply> done);
  void forget(const v1::ForgetRequest& request, Done<v1::ForgetReply> done);
  void write_forgotten(const v1::ForgetRequest& request, const Done<v1::ForgetReply>& done);

  ports::Runtime& runtime_;
  ports::Store& store_;
  std::string cluster_id_;
  Parts parts_;
};

}  // namespace controlplane
