// SPDX-License-Identifier: Apache-2.0
#include "zmesh/peer_links.h"

#include <algorithm>

#include "stdx/text.h"
#include "wire/frame.h"

namespace zmesh {
namespace {

using namespace std::chrono_literals;
constexpr stdx::Duration back_off_min = 50ms;
constexpr stdx::Duration back_off_max = 2s;

}  // namespace

using stdx::Code;

PeerLinks::PeerLinks(ports::Runtime& runtime, ports::Transport& transport, ports::ClusterKey& key,
                     Options options)
    : runtime_(runtime),
      transport_(transport),
      key_(key),
      options_(std::move(options)),
      linked_gauge_(runtime.metrics.gauge("samoza_zmesh_peer_links", "Links to other zhosts")),
      refused_(runtime.metrics.counter("samoza_zmesh_peers_refused_total",
                                       "Peer connections closed because of their hello")) {}

PeerLinks::~PeerLinks() = default;

stdx::Status PeerLinks::start() {
  TRY_ASSIGN(listener_,
             transport_.listen(options_.listen, [this](std::unique_ptr<ports::Link> link) {
               await_hello(std::move(link), "");
             }));
  return {};
}

void PeerLinks::set_members(const std::vector<v1::Member>& members) {
  std::set<std::string> named;
  for (const auto& member : members) {
    if (member.zhost_id() == options_.self.zhost()) continue;
    named.insert(member.zhost_id());
    auto& peer = peers_[member.zhost_id()];
    // A new incarnation answers elsewhere: what links to the old one is of no use.
    if (peer.link && member.incarnation() > peer.linked_incarnation) {
      link_lost(member.zhost_id(), "a newer incarnation registered");
    }
    peer.member = member;
    if (!peer.link && !peer.dialling) {
      peer.back_off = back_off_min;
      dial(member.zhost_id());
    }
  }
  std::vector<std::string> gone;
  for (const auto& [id, peer] : peers_)
    if (!named.contains(id)) gone.push_back(id);
  for (const auto& id : gone) {
    auto node = peers_.extract(id);
    if (node.mapped().link && on_link) on_link(id, false);
  }
  linked_gauge_.set(static_cast<std::int64_t>(size()));
}

void PeerLinks::dial(const std::string& id) {
  if (options_.self.zhost() >= id) return;  // the smaller id dials
  auto& peer = peers_.at(id);
  peer.dialling = true;
  const auto to =
      ports::Endpoint::tcp(peer.member.address(), static_cast<std::uint16_t>(peer.member.port()));
  transport_.connect(to, [this, id, alive = std::weak_ptr<bool>(alive_)](
                             stdx::Result<std::unique_ptr<ports::Link>> link) {
    if (alive.expired() || !peers_.contains(id)) return;
    if (!link) {
      dial_later(id);
      return;
    }
    await_hello(std::move(*link), id);
  });
}

void PeerLinks::dial_later(const std::string& id) {
  auto& peer = peers_.at(id);
  peer.dialling = true;
  peer.back_off = std::max(peer.back_off, back_off_min);
  const auto jitter = static_cast<std::uint64_t>(peer.back_off.count());
  const auto wait = peer.back_off / 2 +
                    stdx::Duration(static_cast<std::int64_t>(runtime_.random.next() % jitter));
  peer.back_off = std::min(peer.back_off * 2, back_off_max);
  if (!peer.retry) peer.retry = std::make_unique<ports::Timer>(runtime_.executor);
  peer.retry->set(wait, [this, id] {
    auto& p = peers_.at(id);
    p.dialling = false;
    if (!p.link) dial(id);
  });
}

void PeerLinks::await_hello(std::unique_ptr<ports::Link> link, std::string dialled) {
  if (unknown_.size() >= links_unknown_max && dialled.empty()) {
    refused_.add();
    return;
  }
  const auto id = next_unknown_++;
  const bool we_dialled = !dialled.empty();
  auto& unknown = unknown_[id];
  unknown.link = std::move(link);
  unknown.dialled = std::move(dialled);
  unknown.timeout = std::make_unique<ports::Timer>(runtime_.executor);
  unknown.timeout->set(hello_timeout, [this, id, we_dialled] {
    if (!we_dialled) refused_.add();
    drop_unknown(id, "no hello in time");
  });
  unknown.peer = std::make_shared<std::string>();
  unknown.handshake = std::make_unique<rpc::Handshake>(
      key_, we_dialled ? rpc::Handshake::Side::dialler : rpc::Handshake::Side::acceptor);
  unknown.link->start({.on_frame =
                           [this, id, peer = unknown.peer](stdx::Bytes frame) {
                             if (peer->empty())
                               handshake(id, frame);
                             else if (on_frame)
                               on_frame(*peer, std::move(frame));
                           },
                       .on_closed =
                           [this, id, peer = unknown.peer](const stdx::Error& why) {
                             complaints_.ended(why);
                             if (peer->empty()) {
                               drop_unknown(id, why.message);
                             } else {
                               // Copied: dropping the link drops this handler and its capture.
                               const std::string name = *peer;
                               const std::string reason = why.message;
                               link_lost(name, reason);
                             }
                           },
                       .on_writable = {}});
  if (!we_dialled) return;
  if (const auto said = say_hello(unknown); !said) refuse(id, said.error());
}

stdx::Status PeerLinks::say_hello(Unknown& unknown) {
  auto hello = options_.self;
  hello.set_nonce(rpc::make_nonce(runtime_.random));
  if (const auto at = peers_.find(unknown.dialled); at != peers_.end())
    hello.set_to(stdx::format("{}:{}", at->second.member.address(), at->second.member.port()));
  TRY_ASSIGN(auto frames,
             unknown.handshake->say(wire::encode_frame(wire::FrameKind::peer_hello, hello)));
  for (auto& out : frames) unknown.link->send(std::move(out));
  return {};
}

stdx::Result<v1::PeerHello> PeerLinks::check_hello(const Unknown& unknown) const {
  const auto& frame = unknown.handshake->their_hello();
  const auto& dialled = unknown.dialled;
  TRY_ASSIGN(const auto kind, wire::frame_kind(frame));
  if (kind != wire::FrameKind::peer_hello) return stdx::fail(Code::invalid, "no peer hello");
  TRY_ASSIGN(auto hello, wire::parse_frame<v1::PeerHello>(frame));
  if (hello.cluster_id() != options_.self.cluster_id())
    return stdx::fail(Code::denied, stdx::format("it is of cluster '{}'",
                                                 stdx::printable(hello.cluster_id(), 80)));
  if (!dialled.empty() && hello.zhost() != dialled)
    return stdx::fail(Code::denied, stdx::format("dialled '{}', '{}' answered", dialled,
                                                 stdx::printable(hello.zhost(), 80)));
  // A false peer at another address that passes on what it hears.
  if (dialled.empty() &&
      hello.to() != stdx::format("{}:{}", options_.listen.host, options_.listen.port))
    return stdx::fail(Code::denied, stdx::format("it dialled '{}', which is not here",
                                                 stdx::printable(hello.to(), 80)));
  const auto at = peers_.find(hello.zhost());
  if (at == peers_.end())
    return stdx::fail(Code::denied,
                      stdx::format("zhost '{}' is no member", stdx::printable(hello.zhost(), 80)));
  if (hello.incarnation() < at->second.member.incarnation())
    return stdx::fail(Code::stale,
                      stdx::format("incarnation {} of '{}' was replaced by {}", hello.incarnation(),
                                   hello.zhost(), at->second.member.incarnation()));
  return hello;
}

// True once the other side is proved to be who it says.
stdx::Result<bool> PeerLinks::handshake_step(Unknown& unknown, const stdx::Bytes& frame) {
  return unknown.handshake->step(
      frame, *unknown.link,
      [&]() -> stdx::Status {
        TRY(check_hello(unknown));
        return {};
      },
      [&] { return say_hello(unknown); });
}

void PeerLinks::handshake(std::uint64_t id, const stdx::Bytes& frame) {
  const auto at = unknown_.find(id);
  if (at == unknown_.end()) return;
  const auto done = handshake_step(at->second, frame);
  if (!done) return refuse(id, done.error());
  if (!*done) return;
  auto node = unknown_.extract(id);
  const auto hello = check_hello(node.mapped());
  *node.mapped().peer = hello->zhost();
  link_up(hello->zhost(), std::move(node.mapped().link), hello->incarnation());
}

void PeerLinks::refuse(std::uint64_t id, const stdx::Error& why) {
  const auto node = unknown_.extract(id);
  if (node.empty()) return;
  refused_.add();
  if (const auto held_back = refusals_.pass(runtime_.clock.now()))
    runtime_.log.warn(
        "peer_refused",
        {{"peer", node.mapped().link->peer()}, {"why", why.message}, {"not_logged", *held_back}});
  const auto& dialled = node.mapped().dialled;
  if (!dialled.empty() && peers_.contains(dialled)) dial_later(dialled);
}

void PeerLinks::drop_unknown(std::uint64_t id, const std::string& why) {
  auto node = unknown_.extract(id);
  if (node.empty()) return;
  runtime_.log.debug("peer_gone_before_hello", {{"why", why}});
  const auto& dialled = node.mapped().dialled;
  if (!dialled.empty() && peers_.contains(dialled)) dial_later(dialled);
}

void PeerLinks::link_up(const std::string& id, std::unique_ptr<ports::Link> link,
                        std::uint64_t incarnation) {
  auto& peer = peers_.at(id);
  const bool had_link = peer.link != nullptr;
  peer.link = std::move(link);
  peer.linked_incarnation = incarnation;
  peer.dialling = false;
  peer.back_off = back_off_min;
  if (peer.retry) peer.retry->cancel();
  linked_gauge_.set(static_cast<std::int64_t>(size()));
  runtime_.log.info("peer_linked", {{"peer", id}, {"incarnation", incarnation}});
  if (had_link && on_link) on_link(id, false);
  if (on_link) on_link(id, true);
}

void PeerLinks::link_lost(const std::string& id, const std::string& why) {
  if (const auto at = peers_.find(id); at != peers_.end()) at->second.link.reset();
  runtime_.log.info("peer_lost", {{"peer", id}, {"why", why}});
  linked_gauge_.set(static_cast<std::int64_t>(size()));
  if (on_link) on_link(id, false);
  if (peers_.contains(id)) {
    peers_.at(id).back_off = back_off_min;
    dial_later(id);
  }
}

bool PeerLinks::send(const std::string& id, stdx::Bytes frame) {
  const auto at = peers_.find(id);
  if (at == peers_.end() || !at->second.link) return false;
  at->second.link->send(std::move(frame));
  return true;
}

bool PeerLinks::send_if_room(const std::string& id, stdx::Bytes frame) {
  const auto at = peers_.find(id);
  if (at == peers_.end() || !at->second.link) return false;
  if (at->second.link->queued_bytes() > ports::Link::queue_bytes_max / 2) return false;
  at->second.link->send(std::move(frame));
  return true;
}

bool PeerLinks::linked(const std::string& id) const {
  const auto at = peers_.find(id);
  return at != peers_.end() && at->second.link != nullptr;
}

std::size_t PeerLinks::size() const {
  return static_cast<std::size_t>(
      std::count_if(peers_.begin(), peers_.end(),
                    [](const auto& entry) { return entry.second.link != nullptr; }));
}

const v1::Member* PeerLinks::member(const std::string& zhost) const {
  const auto at = peers_.find(zhost);
  return at == peers_.end() ? nullptr : &at->second.member;
}

}  // namespace zmesh
