// SPDX-License-Identifier: Apache-2.0
#include "controlplane/member_announcer.h"

namespace controlplane {

MemberAnnouncer::MemberAnnouncer(ports::Runtime& runtime, rpc::RpcEndpoint& endpoint,
                                 MemberLinks& links, Sources sources)
    : runtime_(runtime),
      endpoint_(endpoint),
      links_(links),
      from_(sources),
      timer_(runtime.executor) {
  endpoint_.on("controlplane.members",
               rpc::typed<v1::MembersRequest, v1::MembersChanged>(
                   [this](const rpc::Caller&, v1::MembersRequest, auto done) {
                     if (!from_.gate.is_open())
                       return done(stdx::fail(stdx::Code::unavailable, from_.gate.detail()));
                     auto now = answer();
                     *now.mutable_records() = from_.gate.known();
                     done(std::move(now));
                   }));
}

v1::MembersChanged MemberAnnouncer::state() const {
  v1::MembersChanged now;
  for (const auto& super : from_.membership.supers(runtime_.clock.now())) now.add_supers(super);
  for (const auto& member : from_.membership.members()) *now.add_peers() = member;
  const auto& term = from_.records.term();
  now.set_leader(term.holder.substr(0, term.holder.find('/')));
  now.set_term(term.term);
  now.set_copies_detail(from_.copier.detail());
  for (auto& revoked : from_.records.revoked_tokens()) now.add_revoked_tokens(std::move(revoked));
  now.set_keys_generation(from_.authority.keys().generation());
  return now;
}

void MemberAnnouncer::announce() {
  if (timer_.pending()) return;
  const auto due = announced_at_ + announce_every - runtime_.clock.now();
  if (announced_at_ == stdx::Instant{} || due <= stdx::Duration::zero()) return announce_now();
  timer_.set(due, [this] { announce_now(); });
}

// Without the counter of the records: else every batch would be announced to everybody.
void MemberAnnouncer::announce_now() {
  if (!from_.gate.is_open()) return;
  if (!news_.announce(state())) return;
  announced_at_ = runtime_.clock.now();
  for (const auto& zhost : links_.zhosts()) publish(zhost);
}

void MemberAnnouncer::publish(const std::string& zhost) {
  if (!links_.has(zhost)) return;
  auto& announced = links_.announced(zhost);
  auto news = news_.for_link(announced);
  *news.mutable_records() = from_.gate.known();
  announced = news_.sequence();
  endpoint_.notify(rpc::address(zhost, "zmesh"), "controlplane.changed", news.SerializeAsString());
}

void MemberAnnouncer::link_up(const std::string& zhost, bool chosen) {
  if (!from_.gate.is_open()) return;
  if (news_.sequence() == 0) return announce();
  // Another link of its zhost may be the one that is announced to: this one is when it is chosen.
  if (chosen) publish(zhost);
}

}  // namespace controlplane
