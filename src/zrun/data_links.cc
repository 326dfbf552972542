// SPDX-License-Identifier: Apache-2.0
#include "zrun/data_links.h"

#include <algorithm>
#include <set>

#include "wire/frame.h"

namespace zrun {
namespace {
using namespace std::chrono_literals;
}  // namespace

DataLinks::DataLinks(ports::Runtime& runtime, ports::Transport& transport, v1::PeerHello self)
    : runtime_(runtime),
      transport_(transport),
      self_(std::move(self)),
      links_gauge_(runtime.metrics.gauge("samoza_zrun_data_links", "Data links to other zhosts")) {}

stdx::Status DataLinks::listen(const ports::Endpoint& at) {
  TRY_ASSIGN(listener_, transport_.listen(at, [this](std::unique_ptr<ports::Link> link) {
    if (unknown_.size() < unknown_max) adopt(std::move(link), "");
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
  auto& unknown = unknown_[id];
  unknown.link = std::move(link);
  unknown.dialled = std::move(dialled);
  unknown.zhost = std::make_shared<std::string>();
  unknown.link->start({.on_frame =
                           [this, id, zhost = unknown.zhost](stdx::Bytes frame) {
                             if (zhost->empty())
                               greeted(id, frame);
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
                             auto node = unknown_.extract(id);
                             if (!node.empty() && peers_.contains(node.mapped().dialled))
                               dial_later(node.mapped().dialled);
                           },
                       .on_writable =
                           [this, zhost = unknown.zhost] {
                             if (!zhost->empty() && on_way_changed) on_way_changed(*zhost);
                           }});
  unknown.link->send(wire::encode_frame(wire::FrameKind::data_hello, self_));
}

void DataLinks::greeted(std::uint64_t id, const stdx::Bytes& frame) {
  auto node = unknown_.extract(id);
  if (node.empty()) return;
  auto& unknown = node.mapped();
  const auto kind = wire::frame_kind(frame);
  const auto hello = kind && *kind == wire::FrameKind::data_hello
                         ? wire::parse_frame<v1::PeerHello>(frame)
                         : stdx::fail(stdx::Code::invalid, "no data hello");
  const auto at = hello ? peers_.find(hello->zhost()) : peers_.end();
  const bool good = at != peers_.end() && hello->cluster_id() == self_.cluster_id() &&
                    hello->incarnation() >= at->second.where.incarnation() &&
                    (unknown.dialled.empty() || unknown.dialled == hello->zhost());
  if (!good) {
    runtime_.log.warn("data_link_refused", {{"peer", unknown.link->peer()}});
    if (peers_.contains(unknown.dialled)) dial_later(unknown.dialled);
    return;
  }
  *unknown.zhost = hello->zhost();
  at->second.link = std::move(unknown.link);
  at->second.dialling = false;
  links_gauge_.set(static_cast<std::int64_t>(size()));
  runtime_.log.info("data_linked", {{"peer", hello->zhost()}});
  if (on_way_changed) on_way_changed(hello->zhost());
}

void DataLinks::lost(const std::string& zhost) {
  const auto at = peers_.find(zhost);
  if (at == peers_.end()) return;
  at->second.link.reset();
  links_gauge_.set(static_cast<std::int64_t>(size()));
  runtime_.log.info("data_link_lost", {{"peer", zhost}});
  dial_later(zhost);
  if (on_way_changed) on_way_changed(zhost);
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
