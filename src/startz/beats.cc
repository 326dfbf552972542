// SPDX-License-Identifier: Apache-2.0
#include "startz/beats.h"

#include <algorithm>
#include <set>

#include "startz/sealed_beat.h"

namespace startz {

using stdx::Code;

namespace {

bool same_family(const std::string& a, const std::string& b) {
  return (a.find(':') == std::string::npos) == (b.find(':') == std::string::npos);
}

std::vector<std::string> addresses_of(const v1::Member& member) {
  std::vector<std::string> list{member.address()};
  list.insert(list.end(), member.more_addresses().begin(), member.more_addresses().end());
  return list;
}

}  // namespace

Beats::Beats(ports::Runtime& runtime, ports::Transport& transport, ports::ClusterKey& key,
             const v1::MembersChanged& members, Options options)
    : runtime_(runtime),
      transport_(transport),
      key_(key),
      members_(members),
      options_(std::move(options)),
      fresh_(runtime.random),
      timer_(runtime.executor),
      foreign_datagrams_(runtime.metrics.counter(
          "samoza_startz_foreign_datagrams_total",
          "Datagrams dropped: no beat, of another cluster, or of no member of it")),
      forged_datagrams_(
          runtime.metrics.counter("samoza_startz_unauthenticated_datagrams_total",
                                  "Datagrams dropped: their MAC is by no key of this cluster")),
      stale_beats_(runtime.metrics.counter(
          "samoza_startz_stale_beats_total",
          "Beats dropped: nothing shows that their zhost sent them just now")),
      mesh_beats_(runtime.metrics.counter(
          "samoza_startz_beats_over_mesh_total",
          "Beats of zhosts that were asked for them over the mesh, as their datagrams did not "
          "come")) {}

stdx::Status Beats::bind() {
  for (std::size_t i = 0; i < options_.from.size(); ++i) {
    TRY_ASSIGN(auto socket,
               transport_.bind_datagram(
                   options_.from[i],
                   {.on_datagram = [this, i](const ports::Endpoint& from,
                                             stdx::Bytes bytes) { datagram(i, from, bytes); },
                    .on_refused = [this](const ports::Endpoint& to) { refused(to); }}));
    sockets_.push_back(std::move(socket));
  }
  return {};
}

void Beats::begin() {
  beat(false);
}

void Beats::say_goodbye() {
  timer_.cancel();
  for (int i = 0; i < 3; ++i) beat(true);
}

void Beats::set_members() {
  std::set<std::string> others;
  for (const auto& member : members_.peers())
    if (member.zhost_id() != options_.zhost) others.insert(member.zhost_id());
  fresh_.set_members(others);
  std::erase_if(asked_, [&](const auto& asked) { return !others.contains(asked.first); });
  refusals_.set_members(others);
}

void Beats::send_to(const std::string& zhost, const stdx::Bytes& bytes) {
  for (const auto& member : members_.peers()) {
    if (member.zhost_id() != zhost) continue;
    const auto port = static_cast<std::uint16_t>(member.port());
    for (const auto& ip : dialled_of(member))
      sockets_[*socket_for(ip)]->send(ports::Endpoint::tcp(ip, port), bytes);
  }
}

std::optional<std::size_t> Beats::socket_for(const std::string& ip) const {
  for (std::size_t i = 0; i < sockets_.size(); ++i)
    if (same_family(options_.from[i].host, ip)) return i;
  return std::nullopt;
}

// Its addresses that datagrams of this zhost go to.
std::vector<std::string> Beats::dialled_of(const v1::Member& member) const {
  auto ips = addresses_of(member);
  std::erase_if(ips, [this](const std::string& ip) { return !socket_for(ip); });
  return ips;
}

// Nothing where there are no keys yet: nobody would take such a beat.
std::optional<stdx::Bytes> Beats::sealed(const stdx::Bytes& beat) {
  auto datagram = seal_beat(key_, beat);
  const auto why = datagram ? "" : datagram.error().message;
  if (why != no_key_ && !why.empty()) runtime_.log.warn("beats_not_sent", {{"why", why}});
  no_key_ = why;
  if (!datagram) return std::nullopt;
  return std::move(*datagram);
}

void Beats::beat(bool goodbye) {
  // Profile `seed` has no fast beats: the resource report is the heartbeat.
  if (options_.interval <= stdx::Duration::zero() && !goodbye) return;
  if (!goodbye) timer_.set(options_.interval, [this] { beat(false); });
  if (members_.supers().empty()) return;
  const auto bytes = make(goodbye).SerializeAsString();
  const auto datagram = sealed(bytes);
  for (const auto& super : members_.supers()) {
    if (super != options_.zhost && datagram)
      send_to(super, *datagram);
    else if (super == options_.zhost)
      on_beat(bytes);
  }
}

void Beats::probe(const std::string& zhost) {
  if (zhost == options_.zhost) return;
  if (const auto datagram = sealed(make(false).SerializeAsString())) send_to(zhost, *datagram);
  const auto now = runtime_.clock.now();
  const auto [asked, is_first] = asked_.try_emplace(zhost, now);
  if (!ask_over_mesh || (!is_first && now - asked->second < ask_every)) return;
  asked->second = now;
  ask_over_mesh(zhost, [this, zhost, alive = std::weak_ptr<bool>(alive_)](auto beat) {
    if (!alive.expired()) answered_over_mesh(zhost, std::move(beat));
  });
}

void Beats::answered_over_mesh(const std::string& zhost, stdx::Result<v1::Beat> beat) {
  if (!beat || beat->zhost() != zhost || beat->cluster_id() != options_.cluster_id ||
      !fresh_.is_member(zhost))
    return;
  mesh_beats_.add();
  beat->set_over_mesh(true);
  on_beat(beat->SerializeAsString());
}

void Beats::refused(const ports::Endpoint& to) {
  for (const auto& member : members_.peers()) {
    const auto ips = dialled_of(member);
    if (std::find(ips.begin(), ips.end(), to.host) == ips.end() || member.port() != to.port)
      continue;
    if (!refusals_.refused(member.zhost_id(), ips, to.host, runtime_.clock.now())) continue;
    v1::Refused word;
    word.set_zhost(member.zhost_id());
    word.set_incarnation(member.incarnation());
    on_refused(word);
  }
}

void Beats::datagram(std::size_t socket, const ports::Endpoint& from, const stdx::Bytes& bytes) {
  const auto opened = open_beat(key_, bytes);
  if (!opened && opened.error().code != Code::invalid) {
    forged_datagrams_.add();
    return;
  }
  if (!opened || opened->beat.cluster_id() != options_.cluster_id ||
      !fresh_.is_member(opened->beat.zhost())) {
    foreign_datagrams_.add();
    return;
  }
  const auto reply = [&](const v1::Beat& beat) {
    if (const auto answer = sealed(beat.SerializeAsString())) sockets_[socket]->send(from, *answer);
  };
  if (const auto& challenge = opened->beat.challenge(); !challenge.empty()) {
    auto beat = make(false);
    beat.set_answer(challenge);
    return reply(beat);
  }
  const auto verdict = fresh_.hear(opened->beat, runtime_.clock.now());
  if (verdict.fresh) refusals_.heard(opened->beat.zhost());
  if (verdict.challenge) {
    auto beat = make(false);
    beat.set_challenge(*verdict.challenge);
    reply(beat);
  }
  if (!verdict.fresh) return stale_beats_.add();
  on_beat(opened->bytes);
}

}  // namespace startz
