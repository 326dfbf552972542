// SPDX-License-Identifier: Apache-2.0
#pragma once

// Chooses the zhost of a space and plans its row: with the next epoch (P3), or as waiting where its
// data lies on a zhost that is away. Keeps why spaces found no zhost.

#include <map>
#include <string>
#include <vector>

#include "zrms/plan_work.h"

namespace zrms {

class SpacePlacer {
 public:
  using Index = TopologyProgress::Index;
  using Refusals = std::map<Records::Key, std::vector<std::string>>;

  // True where a row was planned; else it waits, or refusals() says why.
  bool place_anew(PlanWork& work, const TopologyRow& topology, TopologyProgress& progress,
                  Index index, const std::string& avoid, const std::string& why,
                  bool failed = false);
  // In the present version, on the same zhost where the rules of the space allow it.
  void replace(PlanWork& work, const TopologyRow& topology, TopologyProgress& progress,
               Index index);
  void wait_for_data(PlanWork& work, TopologyProgress& progress, Index index, const SpaceRow& row,
                     const std::string& why);

  const Refusals& refusals() const { return refusals_; }
  void forget_refusal(const Records::Key& space) { refusals_.erase(space); }
  void forget_refusals() { refusals_.clear(); }
  // Those of topologies that are gone.
  void forget_gone(const Records& records);

 private:
  static void note_failure(const PlanWork& work, std::uint64_t version, const std::string& why,
                           v1::SpaceRecord& row);
  static v1::SpaceRecord next_placement(PlanWork& work, const TopologyRow& topology, Index index,
                                        const std::string& zhost, const std::string& why);

  Refusals refusals_;  // by (topology, space)
};

}  // namespace zrms
