// SPDX-License-Identifier: Apache-2.0
#include "zmesh/peer_list.h"

#include <utility>

namespace zmesh {

PeerList::Changed PeerList::take_changes(const std::vector<Directory::Name>& names) {
  Changed changed;
  for (const auto& name : names) {
    const auto& topology = name.first;
    const bool here = directory_.has_part(topology, self_);
    if (here != topologies_here_.contains(topology)) {
      if (here)
        topologies_here_.insert(topology);
      else
        topologies_here_.erase(topology);
      changed.insert({topology, ""});
    } else if (here) {
      changed.insert(name);
    }
  }
  return changed;
}

v1::PeersUpdate PeerList::whole() const {
  v1::PeersUpdate update;
  update.set_term(directory_.term());
  for (auto& entry : directory_.peers_of(self_)) *update.add_entries() = std::move(entry);
  add_data_peers(update);
  return update;
}

v1::PeersUpdate PeerList::changes(const Changed& changed) const {
  v1::PeersUpdate update;
  update.set_term(directory_.term());
  update.set_delta(true);
  const auto add_removed = [&](const std::string& topology, const std::string& space) {
    auto* entry = update.add_entries();
    entry->set_topology_id(topology);
    entry->set_space(space);
    entry->set_removed(true);
  };
  std::string whole;  // of this one everything was said
  for (const auto& [topology, space] : changed) {
    if (topology == whole) continue;
    if (!topologies_here_.contains(topology)) {
      add_removed(topology, "");
      whole = topology;
    } else if (space.empty()) {
      for (auto& entry : directory_.of_topology(topology)) *update.add_entries() = std::move(entry);
      whole = topology;
    } else if (const auto* entry = directory_.find(topology, space)) {
      *update.add_entries() = *entry;
    } else {
      add_removed(topology, space);
    }
  }
  add_data_peers(update);
  return update;
}

void PeerList::add_data_peers(v1::PeersUpdate& update) const {
  std::set<std::string> zhosts;
  for (const auto& topology : topologies_here_) {
    const auto there = directory_.zhosts_of(topology);
    zhosts.insert(there.begin(), there.end());
  }
  for (const auto& zhost : zhosts) {
    const auto* member = peers_.member(zhost);
    if (member == nullptr) continue;
    auto* peer = update.add_data_peers();
    peer->set_zhost(zhost);
    peer->set_incarnation(member->incarnation());
    peer->set_address(member->address());
    peer->set_port(member->port());
    *peer->mutable_more_addresses() = member->more_addresses();
  }
}

}  // namespace zmesh
