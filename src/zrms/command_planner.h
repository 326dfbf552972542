// SPDX-License-Identifier: Apache-2.0
#pragma once

// Plans the place and stop commands of the leader: none twice while it is under way or was answered
// lately, place commands of one topology and zhost in batches that share its text, all of them
// within the window (zrms/command_window.h). A space whose command finds no room is held back until
// answers come.

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "zrms/command_window.h"
#include "zrms/plan_work.h"

namespace zrms {

// How an instance ends (v1::StopCommand).
struct Ending {
  std::string why;
  bool remove_data = false, topology_ends = false;
};

class CommandPlanner {
 public:
  using Index = TopologyProgress::Index;
  using Held = std::pair<std::string, Index>;  // topology, space

  explicit CommandPlanner(const ReconcilerOptions& options) : options_(options) {}

  void place(PlanWork& work, const TopologyRow& topology, Index index, const SpaceRow& row);
  void stop(PlanWork& work, const v1::SpaceRecord& record, const std::string& zhost,
            std::uint64_t incarnation, std::uint64_t epoch, const Ending& ending);

  // A planned command was answered or given up. What was held back and may fit now; the others wait
  // for the next answer.
  std::vector<Held> answered(const std::string& zhost, std::size_t bytes,
                             const std::vector<std::string>& names, stdx::Instant now);
  // All that is not settled is looked at again: nothing is held back any more.
  void sweep(stdx::Instant now);
  std::size_t remembered() const { return sent_.size(); }

 private:
  struct Sent {
    stdx::Instant at{};
    bool under_way = true;
  };
  bool sent_lately(const std::string& what, stdx::Instant now) const;
  void hold_back(const std::string& zhost, const std::string& topology, Index index);

  ReconcilerOptions options_;
  std::map<std::string, Sent> sent_;  // command -> when, within repeat_after of its answer
  CommandWindow window_;
  std::map<std::string, std::deque<Held>> held_back_;  // by zhost
};

}  // namespace zrms
