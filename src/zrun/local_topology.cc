// SPDX-License-Identifier: Apache-2.0
#include "zrun/local_topology.h"

#include <algorithm>

#include "model/topology_update.h"
#include "stdx/encoding.h"
#include "stdx/text.h"

namespace zrun {

namespace {

OutStream::Options options_of(const model::Topology& spec, const model::Path& path,
                              std::uint16_t to) {
  const auto& limits = spec.spaces[to].limits;
  return {.delivery = path.delivery,
          .messages_max = limits.mailbox_messages,
          .bytes_max = limits.mailbox_bytes};
}

// True where `next` has in each place what was there.
bool keeps_places(const model::Topology& now, const model::Topology& next) {
  if (next.spaces.size() < now.spaces.size() || next.paths.size() < now.paths.size()) return false;
  for (std::size_t i = 0; i < now.spaces.size(); ++i)
    if (next.spaces[i].name != now.spaces[i].name) return false;
  for (std::size_t i = 0; i < now.paths.size(); ++i) {
    const auto &a = now.paths[i], &b = next.paths[i];
    if (a.name != b.name || a.from != b.from || a.to != b.to || a.delivery != b.delivery)
      return false;
  }
  return true;
}

std::vector<std::uint16_t> sorted_by_name(const std::vector<model::Space>& spaces) {
  std::vector<std::uint16_t> order(spaces.size());
  for (std::size_t i = 0; i < spaces.size(); ++i) order[i] = static_cast<std::uint16_t>(i);
  std::sort(order.begin(), order.end(),
            [&](std::uint16_t a, std::uint16_t b) { return spaces[a].name < spaces[b].name; });
  return order;
}

int find(const std::vector<model::Space>& spaces, const std::vector<std::uint16_t>& order,
         const std::string& name) {
  const auto at =
      std::lower_bound(order.begin(), order.end(), name,
                       [&](std::uint16_t i, const std::string& n) { return spaces[i].name < n; });
  return at == order.end() || spaces[*at].name != name ? -1 : *at;
}

}  // namespace

stdx::Result<std::unique_ptr<LocalTopology>> LocalTopology::make(model::TopologyId id,
                                                                 model::Topology spec) {
  auto topology = std::make_unique<LocalTopology>();
  const auto bytes = stdx::uuid_to_bytes(id.value);
  std::copy(bytes.begin(), bytes.end(), topology->id_bytes.begin());
  topology->id = std::move(id);
  topology->text = std::make_shared<const model::Topology>();
  TRY(topology->update(std::move(spec)));
  return topology;
}

stdx::Status LocalTopology::update(model::Topology next) {
  if (!keeps_places(spec(), next))
    return stdx::fail(stdx::Code::invalid,
                      stdx::format("version {} of topology '{}' does not continue version {} of it",
                                   next.version, next.name, spec().version));
  if (next.spaces.size() > model::indices_max || next.paths.size() > model::indices_max)
    return stdx::fail(stdx::Code::invalid, "more spaces or paths than an index can name");
  auto order = sorted_by_name(next.spaces);
  for (const auto& path : next.paths)
    if (find(next.spaces, order, path.from) < 0 || find(next.spaces, order, path.to) < 0)
      return stdx::fail(stdx::Code::invalid,
                        stdx::format("path '{}' has no ends", stdx::printable(path.name, 80)));
  text = std::make_shared<const model::Topology>(std::move(next));
  by_name = std::move(order);
  const auto& spaces = spec().spaces;
  slots.resize(spaces.size());
  paths_of.resize(spaces.size());
  transactional.assign(spaces.size(), false);
  for (std::size_t i = 0; i < spec().paths.size(); ++i) {
    const auto& path = spec().paths[i];
    const auto sender = static_cast<std::uint16_t>(find(spaces, by_name, path.from));
    const auto receiver = static_cast<std::uint16_t>(find(spaces, by_name, path.to));
    if (path.delivery == model::Delivery::once)
      for (const auto end : {sender, receiver})
        if (spaces[end].store != model::StoreKind::none) transactional[end] = true;
    if (i < paths.size()) {
      // A removed one keeps what it holds, under the limits it had.
      if (!path.removed) paths[i]->out.set_limits(options_of(spec(), path, receiver));
      continue;
    }
    auto state = std::make_unique<PathState>(options_of(spec(), path, receiver));
    state->index = static_cast<std::uint16_t>(i);
    state->from = sender;
    state->to = receiver;
    paths_of[sender].push_back(state.get());
    if (receiver != sender) paths_of[receiver].push_back(state.get());
    paths.push_back(std::move(state));
  }
  return {};
}

stdx::Result<std::shared_ptr<const model::Topology>> LocalTopology::text_of(std::uint64_t version,
                                                                            const Read& read) {
  if (version == 0 || version >= spec().version) return text;
  std::erase_if(older, [](const auto& known) { return known.second.expired(); });
  if (const auto known = older.find(version); known != older.end())
    if (auto still = known->second.lock()) return still;
  TRY_ASSIGN(auto former, read());
  if (former.version != version || !keeps_places(former, spec()))
    return stdx::fail(
        stdx::Code::invalid,
        stdx::format("version {} of topology '{}' is not what version {} of it continues", version,
                     spec().name, spec().version));
  auto made = std::make_shared<const model::Topology>(std::move(former));
  older[version] = made;
  return std::shared_ptr<const model::Topology>(made);
}

int LocalTopology::index_in(const model::Topology& version, const std::string& space) const {
  const int place = find(spec().spaces, by_name, space);
  if (place < 0 || static_cast<std::size_t>(place) >= version.spaces.size()) return -1;
  return version.spaces[static_cast<std::size_t>(place)].removed ? -1 : place;
}

int LocalTopology::index_of(const std::string& space) const {
  return index_in(spec(), space);
}

bool LocalTopology::has_local_spaces() const {
  return std::any_of(slots.begin(), slots.end(),
                     [](const SpaceSlot& slot) { return slot.local != nullptr; });
}

}  // namespace zrun
