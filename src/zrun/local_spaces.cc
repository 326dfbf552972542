// SPDX-License-Identifier: Apache-2.0
#include "zrun/local_spaces.h"

namespace zrun {

PlacedSpace* LocalSpaces::find(const Key& key) {
  const auto at = placed_.find(key);
  return at == placed_.end() ? nullptr : &at->second;
}

PlacedSpace* LocalSpaces::find_starting(const Key& key, const model::InstanceId& id) {
  auto* placed = find(key);
  return placed != nullptr && placed->space->id() == id &&
                 placed->space->state() == SpaceState::starting
             ? placed
             : nullptr;
}

const Space* LocalSpaces::space(const std::string& topology, const std::string& name) const {
  for (const auto& [key, placed] : placed_) {
    if (key.second != name) continue;
    if (topology.empty() || key.first == topology ||
        placed.space->topology().spec().name == topology)
      return placed.space.get();
  }
  return nullptr;
}

UiPages* LocalSpaces::pages(const std::string& topology, const std::string& name) {
  for (auto& [key, placed] : placed_)
    if (key.second == name && placed.pages &&
        (key.first == topology || placed.space->topology().spec().name == topology))
      return placed.pages.get();
  return nullptr;
}

std::vector<const Space*> LocalSpaces::list() const {
  std::vector<const Space*> list;
  for (const auto& [key, placed] : placed_) list.push_back(placed.space.get());
  return list;
}

LocalTopology* LocalSpaces::topology_with_id(const std::string& id) {
  const auto at = topologies_.find(id);
  return at == topologies_.end() ? nullptr : at->second.get();
}

LocalTopology* LocalSpaces::topology(const std::string& id_or_name) {
  if (auto* found = topology_with_id(id_or_name)) return found;
  for (auto& [id, topology] : topologies_)
    if (topology->spec().name == id_or_name) return topology.get();
  return nullptr;
}

LocalTopology* LocalSpaces::topology_with_bytes(const std::array<char, 16>& bytes) {
  const auto at = by_bytes_.find(bytes);
  return at == by_bytes_.end() ? nullptr : at->second;
}

LocalTopology& LocalSpaces::add(std::unique_ptr<LocalTopology> topology) {
  by_bytes_[topology->id_bytes] = topology.get();
  return *(topologies_[topology->id.value] = std::move(topology));
}

void LocalSpaces::remove_topology(const std::string& id) {
  const auto at = topologies_.find(id);
  if (at == topologies_.end()) return;
  by_bytes_.erase(at->second->id_bytes);
  topologies_.erase(at);
}

}  // namespace zrun
