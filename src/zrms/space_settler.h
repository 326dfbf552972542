// SPDX-License-Identifier: Apache-2.0
#pragma once

// What becomes of one space of a topology that is to run: it is placed, waits for its data, is
// commanded again, is replaced, or runs. One that failed on its zhost is placed anew after a time
// that grows with each failure.

#include <deque>
#include <map>
#include <string>

#include "zrms/command_planner.h"
#include "zrms/plan_work.h"
#include "zrms/space_placer.h"
#include "zrms/update_roller.h"

namespace zrms {

class SpaceSettler {
 public:
  using Index = TopologyProgress::Index;

  SpaceSettler(const ReconcilerOptions& options, SpacePlacer& placer, UpdateRoller& updates,
               CommandPlanner& commands)
      : options_(options), placer_(placer), updates_(updates), commands_(commands) {}

  // True when the space runs where its row says.
  bool settle(PlanWork& work, const TopologyRow& topology, TopologyProgress& progress, Index index);
  // Forgets failures that are long ago, or of spaces that are gone.
  void sweep(const Records& records, stdx::Instant now);
  std::size_t remembered() const { return failures_.size(); }

 private:
  struct Failures {
    std::uint64_t epoch = 0;
    stdx::Instant since{};  // of the epoch's failure
    std::deque<stdx::Instant> before;
  };
  bool settle_present(PlanWork& work, const TopologyRow& topology, TopologyProgress& progress,
                      Index index, const SpaceRow& row, const v1::SpaceReport& seen);
  bool settle_failed(PlanWork& work, const TopologyRow& topology, TopologyProgress& progress,
                     Index index, const SpaceRow& row, const std::string& detail);
  static void note_running(PlanWork& work, const SpaceRow& row, bool has_data);

  ReconcilerOptions options_;
  SpacePlacer& placer_;
  UpdateRoller& updates_;
  CommandPlanner& commands_;
  std::map<Records::Key, Failures> failures_;
};

}  // namespace zrms
