// SPDX-License-Identifier: Apache-2.0
#include "startz/holdings.h"

#include "wire/frame.h"

namespace startz {

v1::Holdings holdings_of(const Gatekeeper& gatekeeper, const v1::HoldingsRequest& request) {
  constexpr std::size_t page_bytes_max = 2u << 20;
  v1::Holdings page;
  const Gatekeeper::Key after{request.after_topology(), request.after_space()};
  if (after.first.empty())
    for (auto& floor : gatekeeper.floors()) *page.add_floors() = std::move(floor);
  std::size_t bytes = page.ByteSizeLong();
  std::string topology;
  for (auto at = gatekeeper.placed().upper_bound(after); at != gatekeeper.placed().end(); ++at) {
    const auto& [key, placed] = *at;
    const auto own =
        placed.command.ByteSizeLong() + (key.first != topology ? placed.topology->size() : 0);
    if (page.places_size() > 0 && bytes + own > page_bytes_max) {
      page.set_more(true);
      break;
    }
    auto& place = *page.add_places();
    place = placed.command;
    if (key.first != topology)
      if (auto spec = wire::parse<v1::TopologySpec>(*placed.topology))
        *place.mutable_topology() = std::move(*spec);
    topology = key.first;
    bytes += place.ByteSizeLong();
  }
  return page;
}

}  // namespace startz
