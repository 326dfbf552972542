// SPDX-License-Identifier: Apache-2.0
#pragma once

// Names and numbers of the cluster. See docs/glossary.md and docs/protocol.md ("Identity").

#include <compare>
#include <cstdint>
#include <string>

#include "stdx/strong.h"

namespace model {

using ZhostId = stdx::Strong<struct ZhostIdTag, std::string>;  // unique in a cluster, from config
using Incarnation =
    stdx::Strong<struct IncarnationTag, std::uint64_t>;              // one start of a zhost; grows
using Term = stdx::Strong<struct TermTag, std::uint64_t>;            // one leadership of a super
using Epoch = stdx::Strong<struct EpochTag, std::uint64_t>;          // one placement of a space
using Run = stdx::Strong<struct RunTag, std::uint32_t>;              // one start of a placed space
using TopologyId = stdx::Strong<struct TopologyIdTag, std::string>;  // UUID, never reused

// A space of a topology, whatever its placement.
struct SpaceKey {
  TopologyId topology;
  std::string space;
  auto operator<=>(const SpaceKey&) const = default;
};

// One life of a space. Compared in this order: a later placement beats an earlier one, a later run
// beats an earlier one of the same placement.
struct InstanceId {
  SpaceKey key;
  Epoch epoch;
  Run run;
  auto operator<=>(const InstanceId&) const = default;
};

}  // namespace model
