// SPDX-License-Identifier: Apache-2.0
#pragma once

// Announces to every linked zmesh who is a member, who may lead, who leads and what was revoked
// (controlplane.changed), and answers the same when asked (controlplane.members). While the records
// are not open (P15) nothing is announced.
//
// Bound: at most one announcement in announce_every, as a cluster that starts has many changes.

#include "controlplane/authority.h"
#include "controlplane/member_links.h"
#include "controlplane/member_news.h"
#include "controlplane/membership.h"
#include "controlplane/record_copier.h"
#include "controlplane/records_cache.h"
#include "controlplane/records_gate.h"
#include "ports/runtime.h"
#include "rpc/rpc_endpoint.h"

namespace controlplane {

class MemberAnnouncer {
 public:
  static constexpr stdx::Duration announce_every = std::chrono::milliseconds(50);

  // What is announced comes from these.
  struct Sources {
    const Authority& authority;
    const Membership& membership;
    const RecordsGate& gate;
    const RecordsCache& records;
    const RecordCopier& copier;
  };
  // Registers controlplane.members.
  MemberAnnouncer(ports::Runtime& runtime, rpc::RpcEndpoint& endpoint, MemberLinks& links,
                  Sources sources);

  // Something may have changed: announces it, if it did.
  void announce();
  // A link came up; `chosen`: what goes to its zhost goes over it. What changed between the
  // registration and this link is sent.
  void link_up(const std::string& zhost, bool chosen);

  // What holds now, without the records.
  v1::MembersChanged state() const;
  // The same for an answer between two announcements.
  v1::MembersChanged answer() { return news_.answer(state()); }

 private:
  void announce_now();
  void publish(const std::string& zhost);

  ports::Runtime& runtime_;
  rpc::RpcEndpoint& endpoint_;
  MemberLinks& links_;
  Sources from_;
  MemberNews news_;
  ports::Timer timer_;
  stdx::Instant announced_at_{};
};

}  // namespace controlplane
