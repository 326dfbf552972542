// SPDX-License-Identifier: Apache-2.0
// What of zrun moves messages: spaces, doorway, data frames, the directory.
#include "stdx/text.h"
#include "zrun/service.h"

namespace zrun {

using stdx::Code;

namespace {
using namespace std::chrono_literals;
constexpr stdx::Duration tick_interval = 500ms;
}  // namespace

void Service::emit(Space& sender, PathState& path, stdx::BytesView payload) {
  courier_.emit(sender, path, payload);
}

void Service::send(Space& sender, PathState& path, MessagePtr message) {
  courier_.send(sender, path, std::move(message));
}

void Service::ledger_loaded(Space& space) {
  courier_.ledger_loaded(space.topology(), space.index());
}

void Service::finished(Space& receiver, const Message& message) {
  auto& topology = receiver.topology();
  courier_.finished(topology, *topology.paths[message.path], message);
}

void Service::feed(Space& receiver) {
  courier_.feed(receiver);
}

LocalTopology* Service::find_topology(const std::string& id_or_name) {
  const auto at = topologies_.find(id_or_name);
  if (at != topologies_.end()) return at->second.get();
  for (auto& [id, topology] : topologies_)
    if (topology->spec().name == id_or_name) return topology.get();
  return nullptr;
}

void Service::emit_for(const v1::SendRequest& request, std::function<void(stdx::Status)> done) {
  auto* topology = find_topology(request.topology());
  const int index = topology == nullptr ? -1 : topology->index_of(request.from());
  auto* space = index < 0 ? nullptr : topology->slots[static_cast<std::size_t>(index)].local;
  if (space == nullptr || !space->takes_messages())
    return done(stdx::fail(Code::not_found,
                           stdx::format("space '{}' of topology '{}' does not run on zhost '{}'",
                                        stdx::printable(request.from(), 80),
                                        stdx::printable(request.topology(), 80), options_.zhost)));
  auto* path = space->path_named(request.path());
  if (path == nullptr)
    return done(stdx::fail(
        Code::denied,
        stdx::format("topology '{}' declares no path '{}' from space '{}'", topology->spec().name,
                     stdx::printable(request.path(), 80), space->spec().name)));
  if (request.payload().size() > wire::message_bytes_max)
    return done(stdx::fail(
        Code::invalid, stdx::format("a message has at most {} bytes", wire::message_bytes_max)));
  if (space->room_on(*path, request.payload().size()) != Space::Room::there)
    return done(
        stdx::fail(Code::full, stdx::format("path '{}' is full; try again", request.path())));
  space->emit_from_outside(*path, request.payload(),
                           model::parse_traceparent(request.traceparent()), std::move(done));
}

void Service::frame_arrived(const std::string& from_zhost, const stdx::Bytes& frame) {
  const auto parsed = wire::parse_data_frame(frame);
  if (!parsed) {
    runtime_.log.warn("bad_data_frame", {{"peer", from_zhost}, {"why", parsed.error().message}});
    return;
  }
  const auto at = by_bytes_.find(parsed->header.topology);
  // Not here, or not any more: then the sender hears it from the directory.
  if (at == by_bytes_.end()) return courier_.refuse();
  auto& topology = *at->second;
  // S9: over a data link a zhost speaks only for the spaces that it has. (What comes through zmesh
  // was checked there.)
  if (!from_zhost.empty()) {
    if (parsed->header.from_space >= topology.slots.size()) return courier_.refuse();
    const auto& sender = topology.slots[parsed->header.from_space];
    if (sender.epoch == parsed->header.from_epoch && sender.zhost != from_zhost)
      return courier_.refuse();
  }
  courier_.take_frame(topology, *parsed);
}

bool Service::send_frame(const std::string& zhost, stdx::Bytes frame) {
  if (links_.linked(zhost)) return links_.send(zhost, std::move(frame));
  return zmesh_.send_data(std::move(frame));
}

void Service::way_changed(const std::string& zhost) {
  for (auto& [id, topology] : topologies_) courier_.way_changed(*topology, zhost);
}

void Service::peers_page(v1::PeersUpdate page) {
  const bool more = page.more();
  if (!page.further())
    peers_coming_ = std::move(page);
  else if (peers_coming_)
    peers_coming_->mutable_entries()->MergeFrom(page.entries());
  // The rest of a list whose beginning a former zrun had; the whole one comes.
  if (more || !peers_coming_) return;
  const auto update = *std::exchange(peers_coming_, std::nullopt);
  links_.set_peers(update);
  if (!update.delta()) peers_.clear();
  for (const auto& entry : update.entries()) {
    if (entry.removed()) {
      const auto known = peers_.find(entry.topology_id());
      if (known == peers_.end()) continue;
      known->second.erase(entry.space());
      if (entry.space().empty() || known->second.empty()) peers_.erase(known);
      continue;
    }
    peers_[entry.topology_id()][entry.space()] = entry;
    const auto at = topologies_.find(entry.topology_id());
    if (at != topologies_.end()) peer_told(*at->second, entry);
  }
}

void Service::peer_told(LocalTopology& topology, const v1::DirectoryEntry& entry) {
  if (entry.space_index() >= topology.slots.size()) return;
  auto& slot = topology.slots[entry.space_index()];
  const auto index = static_cast<std::uint16_t>(entry.space_index());
  const bool news = entry.epoch() > slot.told;
  if (news) slot.told = entry.epoch();
  // S15: never back to an older placement.
  if (entry.epoch() > slot.epoch || (entry.epoch() == slot.epoch && entry.zhost() != slot.zhost)) {
    slot.epoch = entry.epoch();
    slot.zhost = entry.zhost();
    courier_.slot_changed(topology, index);
  }
  if (news) courier_.sender_told(topology, index);
}

void Service::tick() {
  for (auto& [id, topology] : topologies_) courier_.tick(*topology);
  std::size_t outbox = 0;
  for (auto& [key, placed] : placed_) {
    placed.space->tidy_outbox();
    outbox += placed.space->outbox_size();
  }
  outbox_gauge_.set(static_cast<std::int64_t>(outbox));
  remote_pages_.tidy();
  tick_timer_.set(tick_interval, [this] { tick(); });
}

}  // namespace zrun
