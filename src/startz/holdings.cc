// SPDX-License-Identifier: Apache-2.0
#include "startz/holdings.h"

#include "wire/frame.h"

namespace startz {

namespace {

constexpr std::size_t page_bytes_max = 2u << 20;

v1::Holdings floors_after(const Gatekeeper& gatekeeper, const Gatekeeper::Key& after) {
  v1::Holdings page;
  std::size_t bytes = 0;
  for (auto& floor : gatekeeper.floors()) {
    if (Gatekeeper::Key{floor.topology_id(), floor.space()} <= after) continue;
    if (bytes > page_bytes_max) {
      page.set_more(true);
      break;
    }
    bytes += floor.ByteSizeLong();
    *page.add_floors() = std::move(floor);
  }
  return page;
}

}  // namespace

v1::Holdings holdings_of(const Gatekeeper& gatekeeper, const v1::HoldingsRequest& request) {
  const Gatekeeper::Key after{request.after_topology(), request.after_space()};
  if (request.floors()) return floors_after(gatekeeper, after);
  v1::Holdings page;
  std::size_t bytes = 0;
  // The text of a topology comes with the first place of its version; a page that goes on in it has
  // no need of it.
  const auto last = gatekeeper.placed().find(after);
  std::pair<std::string, std::uint64_t> topology;
  if (last != gatekeeper.placed().end())
    topology = {after.first, last->second.command.topology_version()};
  for (auto at = gatekeeper.placed().upper_bound(after); at != gatekeeper.placed().end(); ++at) {
    const auto& [key, placed] = *at;
    const std::pair of{key.first, placed.command.topology_version()};
    const auto own = placed.command.ByteSizeLong() + (of != topology ? placed.topology->size() : 0);
    if (page.places_size() > 0 && bytes + own > page_bytes_max) {
      page.set_more(true);
      break;
    }
    auto& place = *page.add_places();
    place = placed.command;
    if (of != topology)
      if (auto spec = wire::parse<v1::TopologySpec>(*placed.topology))
        *place.mutable_topology() = std::move(*spec);
    topology = of;
    bytes += place.ByteSizeLong();
  }
  return page;
}

}  // namespace startz
