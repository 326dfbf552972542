// SPDX-License-Identifier: Apache-2.0
#pragma once

// Updates: spaces that a new version of a topology changed are replaced, a few at a time
// (zrms/rollout.h), those that it removed leave last, and what does not come up brings the former
// version back. How far an update is is kept in TopologyProgress::rollout.

#include <string>

#include "zrms/plan_work.h"
#include "zrms/space_placer.h"
#include "zrms/space_stopper.h"

namespace zrms {

class UpdateRoller {
 public:
  using Index = TopologyProgress::Index;

  // `changes_max`: rows in a plan.
  UpdateRoller(std::size_t changes_max, SpacePlacer& placer, SpaceStopper& stopper)
      : changes_max_(changes_max), placer_(placer), stopper_(stopper) {}

  // A space whose row is of an older version than the topology. False where it is to be looked at
  // again.
  bool settle_older(PlanWork& work, const TopologyRow& topology, TopologyProgress& progress,
                    Index index, bool runs);
  // One that an update removed; its data stays.
  bool settle_removed(PlanWork& work, TopologyProgress& progress, Index index, const SpaceRow* row);
  // One of the present version, which is on trial until it ran long enough.
  void try_out(PlanWork& work, const TopologyRow& topology, TopologyProgress& progress, Index index,
               const SpaceRow& row, const v1::SpaceReport& seen);
  // Replaces the next ones. True where the row of the topology is in the plan.
  bool roll(PlanWork& work, const TopologyRow& topology, TopologyProgress& progress);

 private:
  bool roll_back(PlanWork& work, const TopologyRow& topology, const std::string& why);

  std::size_t changes_max_;
  SpacePlacer& placer_;
  SpaceStopper& stopper_;
};

}  // namespace zrms
