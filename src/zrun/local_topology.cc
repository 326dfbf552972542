// SPDX-License-Identifier: Apache-2.0
#include "zrun/local_topology.h"

#include <algorithm>

#include "stdx/encoding.h"

namespace zrun {

std::unique_ptr<LocalTopology> LocalTopology::make(model::TopologyId id, model::Topology spec) {
  auto topology = std::make_unique<LocalTopology>();
  const auto bytes = stdx::uuid_to_bytes(id.value);
  std::copy(bytes.begin(), bytes.end(), topology->id_bytes.begin());
  topology->id = std::move(id);
  topology->spec = std::move(spec);
  topology->slots.resize(topology->spec.spaces.size());
  topology->paths_of.resize(topology->spec.spaces.size());
  topology->transactional.resize(topology->spec.spaces.size());
  for (const auto& path : topology->spec.paths) {
    const auto from = static_cast<std::uint16_t>(topology->index_of(path.from));
    const auto to = static_cast<std::uint16_t>(topology->index_of(path.to));
    const auto& limits = topology->spec.spaces[to].limits;
    auto state =
        std::make_unique<PathState>(OutStream::Options{.delivery = path.delivery,
                                                       .messages_max = limits.mailbox_messages,
                                                       .bytes_max = limits.mailbox_bytes});
    state->index = static_cast<std::uint16_t>(topology->paths.size());
    state->from = from;
    state->to = to;
    topology->paths_of[from].push_back(state.get());
    if (to != from) topology->paths_of[to].push_back(state.get());
    if (path.delivery == model::Delivery::once)
      for (const auto end : {from, to})
        if (topology->spec.spaces[end].store != model::StoreKind::none)
          topology->transactional[end] = true;
    topology->paths.push_back(std::move(state));
  }
  return topology;
}

int LocalTopology::index_of(const std::string& space) const {
  const auto at =
      std::lower_bound(spec.spaces.begin(), spec.spaces.end(), space,
                       [](const model::Space& s, const std::string& n) { return s.name < n; });
  if (at == spec.spaces.end() || at->name != space) return -1;
  return static_cast<int>(at - spec.spaces.begin());
}

bool LocalTopology::has_local_spaces() const {
  return std::any_of(slots.begin(), slots.end(),
                     [](const SpaceSlot& slot) { return slot.local != nullptr; });
}

}  // namespace zrun
