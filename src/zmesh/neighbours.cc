// SPDX-License-Identifier: Apache-2.0
#include "zmesh/neighbours.h"

#include <utility>

namespace zmesh {

void NeighbourTable::link_up(const std::string& peer) {
  linked_.insert(peer);
  fresh_.insert(peer);
}

void NeighbourTable::link_down(const std::string& peer) {
  linked_.erase(peer);
  fresh_.erase(peer);
  // A new process of that zhost counts its words from one again.
  said_.erase(peer);
}

NeighbourTable::Heard NeighbourTable::learn(const v1::Neighbours& said) {
  if (static_cast<std::size_t>(said.linked_size()) > linked_max) return Heard::old;
  auto& known = said_[said.zhost()];
  if (said.sequence() <= known.sequence) return Heard::old;
  known.sequence = said.sequence();
  known.linked = {said.linked().begin(), said.linked().end()};
  return Heard::news;
}

NeighbourTable::Heard NeighbourTable::learn(const v1::NeighboursChanged& said) {
  const auto at = said_.find(said.zhost());
  const auto known = at == said_.end() ? 0 : at->second.sequence;
  if (said.sequence() <= known) return Heard::old;
  if (known == 0 || said.sequence() != known + 1) return Heard::gap;
  auto& linked = at->second.linked;
  if (linked.size() + static_cast<std::size_t>(said.linked_size()) > linked_max) return Heard::old;
  at->second.sequence = said.sequence();
  for (const auto& peer : said.unlinked()) linked.erase(peer);
  linked.insert(said.linked().begin(), said.linked().end());
  return Heard::news;
}

v1::Neighbours NeighbourTable::whole() const {
  v1::Neighbours said;
  said.set_zhost(self_);
  said.set_sequence(own_.sequence);
  for (const auto& peer : own_.linked) said.add_linked(peer);
  return said;
}

NeighbourTable::News NeighbourTable::take_news() {
  News news;
  v1::NeighboursChanged changed;
  for (const auto& peer : linked_)
    if (!own_.linked.contains(peer)) changed.add_linked(peer);
  for (const auto& peer : own_.linked)
    if (!linked_.contains(peer)) changed.add_unlinked(peer);
  if (own_.sequence == 0 || changed.linked_size() + changed.unlinked_size() > 0) {
    own_ = {own_.sequence + 1, linked_};
    changed.set_zhost(self_);
    changed.set_sequence(own_.sequence);
    news.changed = std::move(changed);
  }
  news.whole = whole();
  news.fresh = std::exchange(fresh_, {});
  return news;
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
