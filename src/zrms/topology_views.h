// SPDX-License-Identifier: Apache-2.0
#pragma once

// What people are shown of a topology: the row of the records, and what reports say of each space
// since. Reads the leader's state; pure otherwise.

#include <string>

#include "samoza/v1/api.pb.h"
#include "zrms/cluster_manager.h"
#include "zrms/leader.h"

namespace zrms {

class TopologyViews {
 public:
  // Both outlive it.
  TopologyViews(const Leader& leader, const ClusterManager& cluster)
      : leader_(leader), cluster_(cluster) {}

  // `summary`: counts by state instead of placements. Else the placements after the space `after`,
  // 1,000 at most; `next` says where to go on.
  v1::TopologyView view_of(const TopologyRow& row, bool summary, const std::string& after) const;
  // As the answer to a change of it: the placements too, where there are not many.
  v1::TopologyView view_after_change(const TopologyRow& row) const;
  // Topologies after the id `after`, at most min(limit, topologies_shown_max). A list goes in one
  // frame where another zhost leads: it ends once it is large, and says where to go on.
  v1::TopologyList list(bool summary, const std::string& after, std::size_t limit) const;

  static constexpr std::size_t topologies_shown_max = 1000;

 private:
  void show_placement(const TopologyRow& row, const model::Space& space,
                      v1::PlacementView& view) const;

  const Leader& leader_;
  const ClusterManager& cluster_;
};

}  // namespace zrms
