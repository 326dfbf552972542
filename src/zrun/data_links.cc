// SPDX-License-Identifier: Apache-2.0
#include "zrun/data_links.h"

#include <algorithm>
#include <set>

#include "stdx/text.h"
#include "wire/frame.h"

namespace zrun {
namespace {
using namespace std::chrono_literals;
using stdx::Code;
}  // namespace

DataLinks::DataLinks(ports::Runtime& runtime, ports::Transport& transport, ports::ClusterKey& key,
                     v1::PeerHello self)
    : runtime_(runtime),
      transport_(transport),
      key_(key),
      self_(std::move(self)),
      links_gauge_(runtime.metrics.gauge("samoza_zrun_data_links", "Data links to other zhosts")),
      refused_(runtime.metrics.counter("samoza_zrun_data_links_refused_total",
                                       "Data connections closed because of their hello, or for "
                                       "want of one")) {}

stdx::Status DataLinks::listen(const ports::Endpoint& at) {
  at_ = at;
  TRY_ASSIGN(listener_, transport_.listen(at, [this](std::unique_ptr<ports::Link> link) {
    if (unknown_.size() < unknown_max)
      adopt(std::move(link), "");
    else
      refused_.add();
  }));
  return {};
}

void DataLinks::set_peers(const v1::PeersUpdate& update) {
  std::set<std::string> named;
  for (const auto& where : update.data_peers()) {
    if (where.zhost() == self_.zhost()) continue;
    named.insert(where.zhost());
    auto& peer = peers_[where.zhost()];
    const bool newer = where.incarnation() > peer.where.incarnation();
    peer.where = where;
    if (newer && peer.link) lost(where.zhost());
    if (!peer.link && !peer.dialling) dial(where.zhost());
  }
  std::erase_if(peers_, [&](const auto& entry) { return !named.contains(entry.first); });
  unlisted_since_.reset();
  links_gauge_.set(static_cast<std::int64_t>(size()));
}

void DataLinks::dial(const std::string& zhost) {
  if (self_.zhost() >= zhost) return;
  auto& peer = peers_.at(zhost);
  peer.dialling = true;
  transport_.connect(
      ports::Endpoint::data(peer.where.address(), static_cast<std::uint16_t>(peer.where.port())),
      [this, zhost,
       alive = std::weak_ptr<bool>(alive_)](stdx::Result<std::unique_ptr<ports::Link>> link) {
        if (alive.expired() || !peers_.contains(zhost)) return;
        if (link)
          adopt(std::move(*link), zhost);
        else
          dial_later(zhost);
      });
}

void DataLinks::dial_later(const std::string& zhost) {
  if (self_.zhost() >= zhost) return;
  auto& peer = peers_.at(zhost);
  peer.dialling = true;
  if (!peer.retry) peer.retry = std::make_unique<ports::Timer>(runtime_.executor);
  const auto jitter = static_cast<std::int64_t>(runtime_.random.next() % 200);
  peer.retry->set(std::chrono::milliseconds(100 + jitter), [this, zhost] {
    auto& p = peers_.at(zhost);
    p.dialling = false;
    if (!p.link) dial(zhost);
  });
}

void DataLinks::adopt(std::unique_ptr<ports::Link> link, std::string dialled) {
  const auto id = next_unknown_++;
  const bool we_dialled = !dialled.empty();
  auto& unknown = unknown_[id];
  unknown.link = std::move(link);
  unknown.dialled = std::move(dialled);
  unknown.zhost = std::make_shared<std::string>();
  unknown.handshake = std::make_unique<rpc::Handshake>(
      key_, we_dialled ? rpc::Handshake::Side::dialler : rpc::Handshake::Side::acceptor);
  // Who says nothing must not hold a place, and a dialled one that says nothing is dialled again.
  unknown.timeout = std::make_unique<ports::Timer>(runtime_.executor);
  unknown.timeout->set(hello_timeout, [this, id] {
    refused_.add();
    drop_unknown(id);
  });
  unknown.link->start({.on_frame =
                           [this, id, zhost = unknown.zhost](stdx::Bytes frame) {
                             if (zhost->empty())
                               handshake(id, frame);
                             else if (on_frame)
                               on_frame(*zhost, std::move(frame));
                           },
                       .on_closed =
                           [this, id, zhost = unknown.zhost](const stdx::Error& why) {
                             complaints_.ended(why);
                             if (!zhost->empty()) {
                               const std::string name = *zhost;
                               lost(name);
                               return;
                             }
                             drop_unknown(id);
                           },
                       .on_writable =
                           [this, zhost = unknown.zhost] {
                             if (!zhost->empty() && on_room) on_room();
                           },
                       .writable_below = queue_bytes_soft});
  if (!we_dialled) return;
  if (const auto said = say_hello(unknown); !said) refuse(id, said.error());
}

void DataLinks::drop_unknown(std::uint64_t id) {
  const auto node = unknown_.extract(id);
  if (!node.empty() && peers_.contains(node.mapped().dialled)) dial_later(node.mapped().dialled);
}

stdx::Status DataLinks::say_hello(Unknown& unknown) {
  auto hello = self_;
  hello.set_nonce(rpc::make_nonce(runtime_.random));
  if (const auto at = peers_.find(unknown.dialled); at != peers_.end())
    hello.set_to(stdx::format("{}:{}", at->second.where.address(), at->second.where.port()));
  TRY_ASSIGN(auto frames,
             unknown.handshake->say(wire::encode_frame(wire::FrameKind::data_hello, hello)));
  for (auto& out : frames) unknown.link->send(std::move(out));
  return {};
}

stdx::Result<v1::PeerHello> DataLinks::check_hello(const Unknown& unknown) const {
  const auto& frame = unknown.handshake->their_hello();
  const auto& dialled = unknown.dialled;
  TRY_ASSIGN(const auto kind, wire::frame_kind(frame));
  if (kind != wire::FrameKind::data_hello) return stdx::fail(Code::invalid, "no data hello");
  TRY_ASSIGN(auto hello, wire::parse_frame<v1::PeerHello>(frame));
  // A false peer at another address that passes on what it hears.
  if (dialled.empty() && hello.to() != stdx::format("{}:{}", at_.host, at_.port))
    return stdx::fail(Code::denied, stdx::format("it dialled '{}', which is not here",
                                                 stdx::printable(hello.to(), 80)));
  const auto at = peers_.find(hello.zhost());
  const bool here = hello.cluster_id() == self_.cluster_id();
  // The one code that `refuse` tells from the others: it may be listed soon.
  if (here && at == peers_.end() && dialled.empty())
    return stdx::fail(Code::not_found, stdx::format("'{}' is not on the list of this zrun",
                                                    stdx::printable(hello.zhost(), 80)));
  if (!here || at == peers_.end() || (!dialled.empty() && dialled != hello.zhost()))
    return stdx::fail(Code::denied, stdx::format("'{}' of cluster '{}' is not who is wanted here",
                                                 stdx::printable(hello.zhost(), 80),
                                                 stdx::printable(hello.cluster_id(), 80)));
  if (hello.incarnation() < at->second.where.incarnation())
    return stdx::fail(Code::stale, stdx::format("'{}' has a newer incarnation", hello.zhost()));
  return hello;
}

// True once the other side is proved to be who it says.
stdx::Result<bool> DataLinks::handshake_step(Unknown& unknown, const stdx::Bytes& frame) {
  return unknown.handshake->step(
      frame, *unknown.link,
      [&]() -> stdx::Status {
        TRY(check_hello(unknown));
        return {};
      },
      [&] { return say_hello(unknown); });
}

void DataLinks::handshake(std::uint64_t id, const stdx::Bytes& frame) {
  const auto found = unknown_.find(id);
  if (found == unknown_.end()) return;
  const auto done = handshake_step(found->second, frame);
  if (!done) return refuse(id, done.error());
  if (!*done) return;
  auto node = unknown_.extract(id);
  const auto zhost = check_hello(node.mapped())->zhost();
  const auto at = peers_.find(zhost);
  *node.mapped().zhost = zhost;
  at->second.link = std::move(node.mapped().link);
  at->second.dialling = false;
  links_gauge_.set(static_cast<std::int64_t>(size()));
  runtime_.log.info("data_linked", {{"peer", zhost}});
  if (on_link_changed) on_link_changed(zhost);
}

// Each side gets its list by itself, so a caller may know of this zhost before this zhost knows of
// him: after a return every peer dials at once, and the directory is still on its way.
bool DataLinks::list_may_come() {
  if (peers_.empty()) return true;
  const auto now = runtime_.clock.now();
  if (!unlisted_since_) unlisted_since_ = now;
  return now - *unlisted_since_ < list_delay_max;
}

void DataLinks::refuse(std::uint64_t id, const stdx::Error& why) {
  const auto node = unknown_.extract(id);
  if (node.empty()) return;
  refused_.add();
  const auto& peer = node.mapped().link->peer();
  if (why.code == Code::not_found && list_may_come())
    runtime_.log.debug("data_link_early", {{"peer", peer}, {"why", why.message}});
  else if (const auto held_back = refusals_.pass(runtime_.clock.now()))
    runtime_.log.warn("data_link_refused",
                      {{"peer", peer}, {"why", why.message}, {"not_logged", *held_back}});
  if (peers_.contains(node.mapped().dialled)) dial_later(node.mapped().dialled);
}

void DataLinks::lost(const std::string& zhost) {
  const auto at = peers_.find(zhost);
  if (at == peers_.end()) return;
  at->second.link.reset();
  links_gauge_.set(static_cast<std::int64_t>(size()));
  runtime_.log.info("data_link_lost", {{"peer", zhost}});
  dial_later(zhost);
  if (on_link_changed) on_link_changed(zhost);
}

bool DataLinks::send(const std::string& zhost, stdx::Bytes frame) {
  const auto at = peers_.find(zhost);
  if (at == peers_.end() || !at->second.link) return false;
  if (at->second.link->queued_bytes() > queue_bytes_soft) return false;
  at->second.link->send(std::move(frame));
  return true;
}

bool DataLinks::linked(const std::string& zhost) const {
  const auto at = peers_.find(zhost);
  return at != peers_.end() && at->second.link != nullptr;
}

std::size_t DataLinks::size() const {
  return static_cast<std::size_t>(
      std::count_if(peers_.begin(), peers_.end(),
                    [](const auto& entry) { return entry.second.link != nullptr; }));
}

}  // namespace zrun
