// SPDX-License-Identifier: Apache-2.0
#include "controlplane/member_links.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "model/topology.h"
#include "rpc/rpc_endpoint.h"
#include "stdx/encoding.h"
#include "stdx/text.h"
#include "wire/frame.h"
#include "wire/json.h"

namespace controlplane {
namespace {

using stdx::Code;

stdx::Bytes make_nonce(ports::Random& random) {
  stdx::Bytes nonce;
  for (int word = 0; word < 2; ++word) {
    const auto bits = random.next();
    for (int shift = 0; shift < 64; shift += 8) nonce.push_back(static_cast<char>(bits >> shift));
  }
  return nonce;
}

}  // namespace

MemberLinks::MemberLinks(ports::Runtime& runtime, const Authority& authority, std::string version)
    : runtime_(runtime),
      authority_(authority),
      version_(std::move(version)),
      refused_links_(runtime.metrics.counter("samoza_controlplane_refused_links_total",
                                             "Links closed because there were too many")),
      unproved_links_(runtime.metrics.counter(
          "samoza_controlplane_unproved_links_total",
          "Links closed because of their certificate or their hello, or for want of one")) {}

std::optional<ports::HttpResponse> MemberLinks::refuse_websocket(const ports::HttpRequest& head) {
  if (head.path != "/" && head.path != "/ws")
    return wire::error_response({Code::not_found, stdx::format("there is no WebSocket at {}",
                                                               stdx::printable(head.path, 200))});
  auto good = ports::check_role(head.caller, {ports::CertificateRole::zhost});
  if (good) good = authority_.check(head.caller);
  if (good) return std::nullopt;
  not_proved(head.source, good.error());
  auto response = wire::error_response(good.error());
  response.status = 401;
  return response;
}

void MemberLinks::not_proved(const std::string& peer, const stdx::Error& why) {
  unproved_links_.add();
  if (const auto held_back = refusals_.pass(runtime_.clock.now()))
    runtime_.log.warn("bad_hello",
                      {{"peer", peer}, {"why", why.message}, {"not_logged", *held_back}});
}

// A zhost that opens links and says no hello on them closes its own.
void MemberLinks::make_room_for(const std::string& zhost) {
  std::vector<LinkId> silent;
  for (const auto& [id, connection] : connections_)
    if (connection.zhost.empty() && connection.link->identity().name == zhost) silent.push_back(id);
  if (silent.size() < unproved_of_one_max) return;
  unproved_links_.add();
  drop(silent.front());
}

void MemberLinks::accept(std::unique_ptr<ports::Link> link) {
  make_room_for(link->identity().name);
  if (connections_.size() >= links_max || unproved_ >= unproved_max) {
    refused_links_.add();
    if (const auto held_back = refusals_.pass(runtime_.clock.now()))
      runtime_.log.warn(
          "links_full",
          {{"links", connections_.size()}, {"unproved", unproved_}, {"not_logged", *held_back}});
    return;
  }
  const auto id = next_id_++;
  auto& connection = connections_[id];
  connection.link = std::move(link);
  connection.timeout = std::make_unique<ports::Timer>(runtime_.executor);
  connection.timeout->set(hello_timeout,
                          [this, id] { refuse(id, {Code::timeout, "no hello in time"}); });
  ++unproved_;
  connection.link->start(
      {.on_frame = [this, id](stdx::Bytes frame) { receive(id, std::move(frame)); },
       .on_closed =
           [this, id](const stdx::Error& why) {
             protocol_errors_.link_ended(why);
             drop(id);
           },
       .on_writable = {}});
}

stdx::Result<v1::Hello> MemberLinks::check_hello(const Connection& connection,
                                                 stdx::BytesView frame) const {
  const auto who = connection.link->identity();
  TRY(ports::check_role(who, {ports::CertificateRole::zhost}));
  TRY(authority_.check(who));
  TRY_ASSIGN(const auto kind, wire::frame_kind(frame));
  if (kind != wire::FrameKind::hello) return stdx::fail(Code::invalid, "no hello");
  TRY_ASSIGN(auto hello, wire::parse_frame<v1::Hello>(frame));
  if (!model::is_name(hello.zhost()) || hello.service() != "zmesh")
    return stdx::fail(Code::invalid, "no hello of a zmesh");
  if (hello.zhost() != who.name)
    return stdx::fail(Code::denied, stdx::format("its hello names zhost '{}', its certificate '{}'",
                                                 hello.zhost(), who.name));
  return hello;
}

void MemberLinks::refuse(LinkId id, const stdx::Error& why) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  not_proved(at->second.link->peer(), why);
  drop_later(id);
}

// Posted: the link may be in the middle of a call to us.
void MemberLinks::drop_later(LinkId id) {
  runtime_.executor.post([this, id, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) drop(id);
  });
}

void MemberLinks::link_up(LinkId id, const std::string& zhost) {
  auto& connection = connections_.at(id);
  connection.nonce = make_nonce(runtime_.random);
  v1::Hello hello;
  hello.set_service("controlplane");
  hello.set_version(version_);
  hello.set_nonce(connection.nonce);
  connection.link->send(wire::encode_frame(wire::FrameKind::hello, hello));
  connection.zhost = zhost;
  connection.timeout.reset();
  --unproved_;
  if (connection.admitted || !chosen_.contains(zhost)) chosen_[zhost] = id;
  on_link_up(zhost, chosen_.at(zhost) == id);
}

void MemberLinks::admitted(LinkId id) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  at->second.admitted = true;
  chosen_[at->second.zhost] = id;
}

void MemberLinks::receive(LinkId id, stdx::Bytes frame) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  auto& connection = at->second;
  // It is being dropped.
  if (!authority_.check(connection.link->identity())) return;
  const auto kind = wire::frame_kind(frame);
  if (connection.zhost.empty()) {
    const auto hello = check_hello(connection, frame);
    if (!hello)
      refuse(id, hello.error());
    else
      link_up(id, hello->zhost());
    return;
  }
  auto envelope = kind && *kind == wire::FrameKind::envelope
                      ? wire::parse_frame<v1::Envelope>(frame)
                      : stdx::fail(Code::invalid, "no envelope");
  if (!envelope) {
    runtime_.log.warn("bad_frame", {{"zhost", connection.zhost}, {"bytes", frame.size()}});
    return;
  }
  envelope->mutable_from()->set_zhost(connection.zhost);
  on_envelope(std::move(*envelope));
}

void MemberLinks::drop(LinkId id) {
  auto node = connections_.extract(id);
  if (node.empty()) return;
  if (node.mapped().zhost.empty()) {
    --unproved_;
    return;
  }
  const auto& zhost = node.mapped().zhost;
  on_link_down(zhost);
  const auto at = chosen_.find(zhost);
  if (at == chosen_.end() || at->second != id) return;
  chosen_.erase(at);
  // One that was admitted before one that was not: who is refused has not taken its place.
  for (const bool admitted : {false, true})
    for (const auto& [other, connection] : connections_)
      if (connection.zhost == zhost && connection.admitted == admitted) chosen_[zhost] = other;
}

void MemberLinks::drop_revoked() {
  // Nothing that they say meanwhile is taken (receive).
  for (const auto& [id, connection] : connections_)
    if (!authority_.check(connection.link->identity())) drop_later(id);
}

void MemberLinks::send(v1::Envelope envelope) {
  const auto at = chosen_.find(envelope.to().zhost());
  if (at == chosen_.end()) return;
  *envelope.mutable_from() = rpc::address("", "controlplane");
  wire::send_envelope(*connections_.at(at->second).link, envelope);
}

stdx::Result<MemberLinks::LinkId> MemberLinks::find(const std::string& zhost,
                                                    const std::string& nonce) const {
  const auto bytes = stdx::hex_decode(nonce);
  for (const auto& [id, connection] : connections_)
    if (bytes && connection.nonce == *bytes && connection.zhost == zhost) return id;
  return stdx::fail(Code::unavailable, "the link of this registration is gone");
}

bool MemberLinks::is_connected_elsewhere(const std::string& zhost, LinkId link) const {
  return std::any_of(connections_.begin(), connections_.end(), [&](const auto& at) {
    return at.first != link && at.second.admitted && at.second.zhost == zhost;
  });
}

std::set<std::string> MemberLinks::zhosts() const {
  std::set<std::string> zhosts;
  for (const auto& [zhost, id] : chosen_) zhosts.insert(zhost);
  return zhosts;
}

stdx::Result<ports::Identity> MemberLinks::identity(const std::string& zhost) const {
  const auto at = chosen_.find(zhost);
  if (at == chosen_.end()) return stdx::fail(Code::unavailable, "its link is gone");
  return connections_.at(at->second).link->identity();
}

}  // namespace controlplane
