// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/topology.h"
#include "samoza/v1/topology.pb.h"

namespace wire {

samoza::v1::TopologySpec to_wire(const model::Topology& topology);
// Names of types and bounds come from outside too: Code::invalid where they are unknown.
stdx::Result<model::Topology> from_wire(const samoza::v1::TopologySpec& spec);

}  // namespace wire
