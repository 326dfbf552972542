// SPDX-License-Identifier: Apache-2.0
#include "model/topology_index.h"

#include <algorithm>

namespace model {
namespace {

void sort_unique(std::vector<std::uint32_t>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace

TopologyIndex::TopologyIndex(const Topology& topology) : ties_(topology.spaces.size()) {
  by_name_.reserve(topology.spaces.size());
  for (std::uint32_t i = 0; i < topology.spaces.size(); ++i)
    by_name_.try_emplace(topology.spaces[i].name, i);
  for (std::uint32_t i = 0; i < topology.spaces.size(); ++i) {
    const auto& rules = topology.spaces[i].placement;
    const auto tie = [&](const std::vector<std::string>& names,
                         std::vector<std::uint32_t> Ties::* rule) {
      for (const auto& name : names)
        if (const int other = find(name); other >= 0 && other != static_cast<int>(i)) {
          (ties_[i].*rule).push_back(static_cast<std::uint32_t>(other));
          (ties_[static_cast<std::uint32_t>(other)].*rule).push_back(i);
        }
    };
    tie(rules.anti_affinity, &Ties::anti_affinity);
    tie(rules.prefer_apart, &Ties::prefer_apart);
    tie(rules.affinity, &Ties::affinity);
  }
  for (const auto& path : topology.paths) {
    const int from = find(path.from), to = find(path.to);
    if (from < 0 || to < 0 || path.removed) continue;
    auto& sender = ties_[static_cast<std::uint32_t>(from)];
    auto& receiver = ties_[static_cast<std::uint32_t>(to)];
    receiver.senders.push_back(static_cast<std::uint32_t>(from));
    if (path.delivery == Delivery::once) sender.once = receiver.once = true;
    if (from == to) continue;
    sender.paths.push_back(static_cast<std::uint32_t>(to));
    receiver.paths.push_back(static_cast<std::uint32_t>(from));
  }
  for (auto& ties : ties_) {
    sort_unique(ties.anti_affinity);
    sort_unique(ties.prefer_apart);
    sort_unique(ties.affinity);
    sort_unique(ties.senders);
  }
}

int TopologyIndex::find(std::string_view name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? -1 : static_cast<int>(at->second);
}

}  // namespace model
