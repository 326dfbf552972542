// SPDX-License-Identifier: Apache-2.0
#include "zmesh/neighbours.h"

namespace zmesh {

void NeighbourTable::link_down(const std::string& peer) {
  linked_.erase(peer);
  // A new process of that zhost counts its words from one again.
  said_.erase(peer);
}

bool NeighbourTable::learn(const v1::Neighbours& said) {
  if (static_cast<std::size_t>(said.linked_size()) > linked_max) return false;
  auto& known = said_[said.zhost()];
  if (said.sequence() <= known.sequence) return false;
  known.sequence = said.sequence();
  known.linked = {said.linked().begin(), said.linked().end()};
  return true;
}

std::set<std::string> NeighbourTable::links_of(const std::string& peer) const {
  if (peer == self_) return linked_;
  const auto at = said_.find(peer);
  return at == said_.end() ? std::set<std::string>{} : at->second.linked;
}

std::optional<std::string> NeighbourTable::next_hop(const std::string& target,
                                                    const std::string& came_from) const {
  if (linked_.contains(target)) return target;
  for (const auto& [peer, said] : said_)
    if (peer != came_from && linked_.contains(peer) && said.linked.contains(target)) return peer;
  return std::nullopt;
}

}  // namespace zmesh
