// SPDX-License-Identifier: Apache-2.0
#pragma once

// Moves what is observed towards what is desired (ARCHITECTURE.md, Life of a failure). `plan` looks
// at the records, at what zhosts said, and at who lives, and gives the rows to write and the
// commands to send. It changes nothing itself: rows are written first; a command is only planned
// for what the records already say, so it leaves after its batch was committed. Every command may
// be sent twice. A bounded number of them is under way (zrms/command_window.h); the rest is planned
// when answers come.
//
// A plan looks only at spaces of which something changed (rows, reports, the zhost they are on),
// and each sweep_every at those that are not as they should be. It ends after looks_max spaces or
// changes_max rows and says that there is more: the next plan goes on there. So its time does not
// grow with the cluster, and neither does what one change costs.
//
// Recovery: a space whose zhost failed is placed anew elsewhere with the next epoch; one whose data
// lies on that zhost waits for it, and the topology says so.
//
// Updates: where a new version of a topology says that a space is another one, it is placed anew
// with the next epoch, a few at a time (zrms/rollout.h).
//
// This class decides what is looked at, and judges topologies; what becomes of one space is decided
// by SpaceSettler, SpacePlacer, SpaceStopper and UpdateRoller, and CommandPlanner plans the
// commands.
//
// Pure. Rules P3, P4, P8, P13 of docs/protocol.md.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "zrms/command_planner.h"
#include "zrms/plan_work.h"
#include "zrms/space_placer.h"
#include "zrms/space_settler.h"
#include "zrms/space_stopper.h"
#include "zrms/update_roller.h"

namespace zrms {

class Reconciler {
 public:
  using Options = ReconcilerOptions;
  using View = PlanView;

  explicit Reconciler(Options options)
      : options_(options), parts_(std::make_unique<Parts>(options)) {}

  Plan plan(const View& view, stdx::Instant now);
  // A row of the last plan that found no place in its batch is planned again with the next.
  void look_again(const RowChange& change);
  // Nothing that was sent before counts: a new leadership session.
  void reset() { *this = Reconciler(options_); }
  // A planned command was answered or given up. True where others wait for the room.
  bool answered(const std::string& zhost, std::size_t bytes, const std::vector<std::string>& names,
                stdx::Instant now);
  std::size_t remembered() const {
    return parts_->commands.remembered() + parts_->settler.remembered();
  }
  // Why a space has no zhost, by (topology, space).
  const SpacePlacer::Refusals& refusals() const { return parts_->placer.refusals(); }
  // Spaces, candidates and neighbours that were looked at, for tests of growth.
  std::uint64_t looks() const { return looks_; }

 private:
  using Key = Records::Key;
  using Index = TopologyProgress::Index;
  using Progress = TopologyProgress;
  using Work = PlanWork;
  struct Parts {
    CommandPlanner commands;
    SpacePlacer placer;
    SpaceStopper stopper{commands};
    UpdateRoller updates;
    SpaceSettler settler;

    explicit Parts(const Options& options)
        : commands(options),
          updates(options.changes_max, placer, stopper),
          settler(options, placer, updates, commands) {}
  };
  // What decides about the spaces of a zhost, other than its reports.
  struct Standing {
    std::uint64_t member = 0, incarnation = 0;
    ClusterManager::Life life = ClusterManager::Life::unknown;
    bool heard = false, reported = false, zrun_down = false, unavailable = false;
    bool operator==(const Standing&) const = default;
  };
  void take_news(const View& view, stdx::Instant now);
  void mark(const View& view, const Key& key);
  void mark_all(const View& view, const TopologyRow& topology);
  void mark_zhosts(const View& view);
  void sweep(const View& view, stdx::Instant now);
  void look_at_topology(Work& work, const TopologyRow& topology, Progress& progress);
  void look_at(Work& work, const TopologyRow& topology, Progress& progress, Index index);
  void judge_running(Work& work, const TopologyRow& topology, Progress& progress);
  void judge_stopping(Work& work, const TopologyRow& topology, const Progress& progress);

  Options options_;
  std::unique_ptr<Parts> parts_;
  std::map<std::string, Progress> progress_;
  std::set<std::pair<std::string, std::string>> again_;  // planned, and not in the batch
  std::set<std::string> hot_;  // topologies of which something is to be looked at
  std::string last_;           // the topology that was looked at last: each has its turn
  ChangeLog::Place rows_read_ = 0, reports_read_ = 0;
  std::map<std::string, Standing> standings_;
  stdx::Instant swept_at_{};
  bool ever_swept_ = false;
  std::uint64_t looks_ = 0;
};

}  // namespace zrms
