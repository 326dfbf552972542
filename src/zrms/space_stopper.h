// SPDX-License-Identifier: Apache-2.0
#pragma once

// Ends spaces: those of a topology that is stopped or deleted (P13), older copies of one that runs
// elsewhere (P8). A row says that a space has ended only once no zhost that may run it still holds
// it.

#include "zrms/command_planner.h"
#include "zrms/plan_work.h"

namespace zrms {

class SpaceStopper {
 public:
  explicit SpaceStopper(CommandPlanner& commands) : commands_(commands) {}

  // Of a topology that is to stop or go. True when nothing of it is left to be done.
  bool settle(PlanWork& work, const TopologyRow& topology, const SpaceRow* row);
  // Whether a zhost that may run it has not said that it is gone, nor started anew; it is sent the
  // command to stop.
  bool is_held(PlanWork& work, const SpaceRow& row, const Ending& ending);
  // True while there is a copy of an older placement.
  bool stop_older(PlanWork& work, const SpaceRow& row);
  // What P13 forbids, for the simulator to find.
  void stop_rowless(PlanWork& work);

 private:
  CommandPlanner& commands_;
};

}  // namespace zrms
