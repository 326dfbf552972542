// SPDX-License-Identifier: Apache-2.0
#include "zrun/peer_table.h"

#include <utility>

namespace zrun {

void PeerTable::take(v1::PeersUpdate page) {
  const bool more = page.more();
  if (!page.further())
    coming_ = std::move(page);
  else if (coming_)
    coming_->mutable_entries()->MergeFrom(page.entries());
  // The rest of a list whose beginning a former zrun had; the whole one comes.
  if (more || !coming_) return;
  const auto update = *std::exchange(coming_, std::nullopt);
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
    if (auto* topology = spaces_.topology_with_id(entry.topology_id())) tell(*topology, entry);
  }
}

void PeerTable::tell(LocalTopology& topology) {
  const auto told = peers_.find(topology.id.value);
  if (told == peers_.end()) return;
  for (const auto& [space, entry] : told->second) tell(topology, entry);
}

void PeerTable::tell(LocalTopology& topology, const v1::DirectoryEntry& entry) {
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

}  // namespace zrun
