// SPDX-License-Identifier: Apache-2.0
#include "zrms/route_clash.h"

#include "stdx/text.h"

namespace zrms {

RouteClash find_route_clash(const std::map<std::string, TopologyRow>& topologies,
                            const model::Topology& topology) {
  std::map<std::string, std::string> wanted;  // route -> space
  for (const auto& space : topology.spaces)
    if (!space.route.empty()) wanted[space.route] = space.name;
  if (wanted.empty()) return {};
  for (const auto& [id, row] : topologies) {
    if (row.spec().name == topology.name || row.record.desired() == v1::DESIRED_DELETED) continue;
    for (const auto& space : row.spec().spaces) {
      if (space.route.empty() || space.removed) continue;
      const auto at = wanted.find(space.route);
      if (at != wanted.end()) return {at->first, at->second, row.spec().name};
    }
  }
  return {};
}

stdx::Status may_have_routes(const Records& records, const model::Topology& topology) {
  const auto clash = find_route_clash(records.topologies(), topology);
  if (clash.other.empty()) return {};
  return stdx::fail(stdx::Code::already_exists,
                    stdx::format("space '{}': route '{}' is of topology '{}' already; give one of "
                                 "the two another route, or delete that topology",
                                 clash.space, clash.route, clash.other));
}

}  // namespace zrms
