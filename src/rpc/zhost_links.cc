// SPDX-License-Identifier: Apache-2.0
#include "rpc/zhost_links.h"

#include <algorithm>

#include "stdx/text.h"

namespace rpc {

using stdx::Code;

namespace {

using namespace std::chrono_literals;
constexpr stdx::Duration back_off_min = 50ms;
constexpr stdx::Duration back_off_max = 2s;

}  // namespace

ZhostLinks::ZhostLinks(ports::Runtime& runtime, ports::Transport& transport, Options options)
    : runtime_(runtime), transport_(transport), options_(std::move(options)) {}

ZhostLinks::~ZhostLinks() = default;

stdx::Status ZhostLinks::start() {
  auto at = options_.listen;
  auto hosts = options_.more_listen;
  hosts.insert(hosts.begin(), at.host);
  for (const auto& host : hosts) {
    at.host = host;
    TRY_ASSIGN(auto listener, transport_.listen(at, [this](std::unique_ptr<ports::Link> link) {
      adopt(std::move(link), "");
    }));
    listeners_.push_back(std::move(listener));
  }
  return {};
}

void ZhostLinks::set_peers(const std::map<std::string, Peer>& listed) {
  for (const auto& [id, peer] : listed) {
    if (id == options_.self.zhost()) continue;
    auto& entry = peers_[id];
    // A new incarnation answers elsewhere: what links to the old one is of no use.
    if (entry.link && peer.incarnation > entry.linked_incarnation)
      link_lost(id, "a newer incarnation registered");
    entry.peer = peer;
    if (!entry.link && !entry.dialling) {
      entry.back_off = back_off_min;
      dial(id);
    }
  }
  std::vector<std::string> gone;
  for (const auto& [id, entry] : peers_)
    if (!listed.contains(id)) gone.push_back(id);
  for (const auto& id : gone) {
    auto node = peers_.extract(id);
    if (node.mapped().link && on_link) on_link(id, false);
  }
  options_.linked.set(static_cast<std::int64_t>(size()));
}

void ZhostLinks::set_revoked(std::vector<ports::Trust::Revoked> revoked) {
  if (revoked == revoked_) return;
  revoked_ = std::move(revoked);
  const auto gone = [this](const ports::Link& link) {
    return !ports::check_revoked(link.identity(), revoked_);
  };
  std::vector<std::uint64_t> silent;
  for (const auto& [id, unknown] : unknown_)
    if (gone(*unknown.link)) silent.push_back(id);
  for (const auto id : silent) {
    options_.refused.add();
    drop_unknown(id, "its zhost was forgotten");
  }
  std::vector<std::string> linked;
  for (const auto& [zhost, entry] : peers_)
    if (entry.link && gone(*entry.link)) linked.push_back(zhost);
  for (const auto& zhost : linked) link_lost(zhost, "it was forgotten");
}

void ZhostLinks::dial(const std::string& id) {
  auto& entry = peers_.at(id);
  entry.dialling = true;
  if (options_.self.zhost() > id && !std::exchange(entry.waited, true)) {
    if (!entry.retry) entry.retry = std::make_unique<ports::Timer>(runtime_.executor);
    return entry.retry->set(patience, [this, id] { dial_again(id); });
  }
  auto to = options_.listen;
  const auto& more = entry.peer.more_addresses;
  const auto which = entry.tries++ % (1 + more.size());
  to.host = which == 0 ? entry.peer.address : more[which - 1];
  to.port = entry.peer.port;
  transport_.connect(to, [this, id, alive = std::weak_ptr<bool>(alive_)](
                             stdx::Result<std::unique_ptr<ports::Link>> link) {
    if (alive.expired() || !peers_.contains(id)) return;
    if (link) return adopt(std::move(*link), id);
    // It is there, and shows another certificate than it should.
    if (link.error().code == Code::denied || link.error().code == Code::invalid) {
      options_.refused.add();
      complain(id, link.error());
    }
    dial_later(id);
  });
}

void ZhostLinks::dial_later(const std::string& id) {
  auto& entry = peers_.at(id);
  entry.dialling = true;
  entry.back_off = std::max(entry.back_off, back_off_min);
  const auto jitter = static_cast<std::uint64_t>(entry.back_off.count());
  const auto wait = entry.back_off / 2 +
                    stdx::Duration(static_cast<std::int64_t>(runtime_.random.next() % jitter));
  entry.back_off = std::min(entry.back_off * 2, back_off_max);
  if (!entry.retry) entry.retry = std::make_unique<ports::Timer>(runtime_.executor);
  entry.retry->set(wait, [this, id] { dial_again(id); });
}

void ZhostLinks::dial_again(const std::string& id) {
  auto& entry = peers_.at(id);
  entry.dialling = false;
  if (!entry.link) dial(id);
}

void ZhostLinks::adopt(std::unique_ptr<ports::Link> link, std::string dialled) {
  if (unknown_.size() >= links_unknown_max && dialled.empty()) {
    options_.refused.add();
    return;
  }
  const auto id = next_unknown_++;
  const bool we_dialled = !dialled.empty();
  auto& unknown = unknown_[id];
  unknown.link = std::move(link);
  unknown.dialled = std::move(dialled);
  unknown.timeout = std::make_unique<ports::Timer>(runtime_.executor);
  unknown.timeout->set(hello_timeout, [this, id] {
    options_.refused.add();
    drop_unknown(id, "no hello in time");
  });
  unknown.zhost = std::make_shared<std::string>();
  unknown.link->start(handlers_of(id, unknown.zhost));
  if (we_dialled) say_hello(*unknown.link);
}

ports::LinkHandlers ZhostLinks::handlers_of(std::uint64_t id,
                                            const std::shared_ptr<std::string>& zhost) {
  ports::LinkHandlers handlers;
  handlers.on_frame = [this, id, zhost](stdx::Bytes frame) {
    if (zhost->empty())
      take_hello(id, frame);
    else if (on_frame)
      on_frame(*zhost, std::move(frame));
  };
  handlers.on_closed = [this, id, zhost](const stdx::Error& why) {
    protocol_errors_.link_ended(why);
    if (zhost->empty()) return drop_unknown(id, why.message);
    // Copied: dropping the link drops this handler and its capture.
    const std::string name = *zhost, reason = why.message;
    link_lost(name, reason);
  };
  handlers.on_writable = [this, zhost] {
    if (!zhost->empty() && on_room) on_room();
  };
  handlers.writable_below = options_.writable_below;
  return handlers;
}

void ZhostLinks::say_hello(ports::Link& link) {
  link.send(wire::encode_frame(options_.hello, options_.self));
}

stdx::Result<v1::PeerHello> ZhostLinks::check_hello(const Unknown& unknown,
                                                    stdx::BytesView frame) const {
  TRY_ASSIGN(const auto kind, wire::frame_kind(frame));
  if (kind != options_.hello) return stdx::fail(Code::invalid, "it does not begin with its hello");
  TRY_ASSIGN(auto hello, wire::parse_frame<v1::PeerHello>(frame));
  const auto name = stdx::printable(hello.zhost(), 80);
  if (hello.cluster_id() != options_.self.cluster_id())
    return stdx::fail(Code::denied, stdx::format("it is of cluster '{}'",
                                                 stdx::printable(hello.cluster_id(), 80)));
  const auto who = unknown.link->identity();
  TRY(ports::check_role(who, {options_.role}));
  TRY(ports::check_revoked(who, revoked_));
  if (who.name != hello.zhost())
    return stdx::fail(Code::denied, stdx::format("its hello names zhost '{}', its certificate '{}'",
                                                 name, who.name));
  if (!unknown.dialled.empty() && hello.zhost() != unknown.dialled)
    return stdx::fail(Code::denied,
                      stdx::format("dialled '{}', '{}' answered", unknown.dialled, name));
  const auto at = peers_.find(hello.zhost());
  // The one code that `complain` tells from the others: it may be listed soon.
  if (at == peers_.end())
    return stdx::fail(Code::not_found, stdx::format("zhost '{}' is not on the list here", name));
  if (hello.incarnation() < at->second.peer.incarnation)
    return stdx::fail(Code::stale,
                      stdx::format("incarnation {} of '{}' was replaced by {}", hello.incarnation(),
                                   name, at->second.peer.incarnation));
  return hello;
}

void ZhostLinks::take_hello(std::uint64_t id, const stdx::Bytes& frame) {
  const auto at = unknown_.find(id);
  if (at == unknown_.end()) return;
  const auto hello = check_hello(at->second, frame);
  if (!hello) return refuse(id, hello.error());
  auto node = unknown_.extract(at);
  auto& unknown = node.mapped();
  const auto& zhost = hello->zhost();
  const bool by_smaller = unknown.dialled.empty() == (zhost < options_.self.zhost());
  // Both dialled at once: both sides keep the link that the smaller id dialled.
  if (const auto& entry = peers_.at(zhost); entry.link && entry.by_smaller && !by_smaller &&
                                            entry.linked_incarnation == hello->incarnation())
    return;
  if (unknown.dialled.empty()) say_hello(*unknown.link);
  *unknown.zhost = zhost;
  link_up(zhost, std::move(unknown.link), hello->incarnation(), by_smaller);
}

void ZhostLinks::complain(const std::string& peer, const stdx::Error& why) {
  if (why.code == Code::not_found && may_be_listed_soon && may_be_listed_soon()) {
    runtime_.log.debug(options_.refused_event, {{"peer", peer}, {"why", why.message}});
    return;
  }
  if (const auto held_back = refusals_.pass(runtime_.clock.now()))
    runtime_.log.warn(options_.refused_event,
                      {{"peer", peer}, {"why", why.message}, {"not_logged", *held_back}});
}

void ZhostLinks::refuse(std::uint64_t id, const stdx::Error& why) {
  const auto node = unknown_.extract(id);
  if (node.empty()) return;
  options_.refused.add();
  complain(node.mapped().link->peer(), why);
  const auto& dialled = node.mapped().dialled;
  if (!dialled.empty() && peers_.contains(dialled)) dial_later(dialled);
}

void ZhostLinks::drop_unknown(std::uint64_t id, const std::string& why) {
  const auto node = unknown_.extract(id);
  if (node.empty()) return;
  runtime_.log.debug("link_gone_before_hello", {{"why", why}});
  const auto& dialled = node.mapped().dialled;
  if (!dialled.empty() && peers_.contains(dialled)) dial_later(dialled);
}

void ZhostLinks::link_up(const std::string& id, std::unique_ptr<ports::Link> link,
                         std::uint64_t incarnation, bool by_smaller) {
  auto& entry = peers_.at(id);
  const bool had_link = entry.link != nullptr;
  entry.link = std::move(link);
  entry.linked_incarnation = incarnation;
  entry.by_smaller = by_smaller;
  entry.up_since = runtime_.clock.now();
  entry.dialling = false;
  entry.waited = false;
  entry.back_off = back_off_min;
  if (entry.retry) entry.retry->cancel();
  options_.linked.set(static_cast<std::int64_t>(size()));
  runtime_.log.info(options_.linked_event, {{"peer", id}, {"incarnation", incarnation}});
  if (had_link && on_link) on_link(id, false);
  if (on_link) on_link(id, true);
}

void ZhostLinks::link_lost(const std::string& id, const std::string& why) {
  if (const auto at = peers_.find(id); at != peers_.end()) at->second.link.reset();
  runtime_.log.info(options_.lost_event, {{"peer", id}, {"why", why}});
  options_.linked.set(static_cast<std::int64_t>(size()));
  if (on_link) on_link(id, false);
  if (!peers_.contains(id)) return;
  peers_.at(id).back_off = back_off_min;
  peers_.at(id).waited = false;
  dial_later(id);
}

bool ZhostLinks::send(const std::string& id, stdx::Bytes frame, std::size_t queued_max,
                      ports::Urgency urgency) {
  const auto at = peers_.find(id);
  if (at == peers_.end() || !at->second.link) return false;
  if (at->second.link->queued_bytes() > queued_max) return false;
  at->second.link->send(std::move(frame), urgency);
  return true;
}

void ZhostLinks::came_around(const std::string& id) {
  const auto at = peers_.find(id);
  if (at == peers_.end() || !at->second.link ||
      runtime_.clock.now() - at->second.up_since < settled_after)
    return;
  link_lost(id, "what it sends comes through another zhost");
}

bool ZhostLinks::linked(const std::string& id) const {
  const auto at = peers_.find(id);
  return at != peers_.end() && at->second.link != nullptr;
}

std::size_t ZhostLinks::size() const {
  return static_cast<std::size_t>(
      std::count_if(peers_.begin(), peers_.end(),
                    [](const auto& entry) { return entry.second.link != nullptr; }));
}

}  // namespace rpc
