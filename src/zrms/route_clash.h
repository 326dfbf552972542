// SPDX-License-Identifier: Apache-2.0
#pragma once

// An HTTP route (model/route.h) is of one topology at a time. Pure. Looks at the spaces of all
// topologies, for a topology that has routes.

#include <map>
#include <string>

#include "zrms/records.h"

namespace zrms {

struct RouteClash {
  std::string route, space;  // of the topology in question
  std::string other;         // the name of the topology that has the route; empty: none has it
};

// The first route of `topology` that another one has which is not deleted.
RouteClash find_route_clash(const std::map<std::string, TopologyRow>& topologies,
                            const model::Topology& topology);

// Code::already_exists where there is one; says what to do.
stdx::Status may_have_routes(const Records& records, const model::Topology& topology);

}  // namespace zrms
