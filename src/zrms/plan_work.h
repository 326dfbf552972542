// SPDX-License-Identifier: Apache-2.0
#pragma once

// Values that the parts of the Reconciler share: what a plan is made from (PlanView), what it gives
// (Plan), what is known of the spaces of a topology (TopologyProgress), and the plan under way
// (PlanWork).

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "samoza/v1/cluster.pb.h"
#include "stdx/text.h"
#include "wire/states.h"
#include "zrms/cluster_manager.h"
#include "zrms/placement.h"
#include "zrms/records.h"
#include "zrms/recovery_manager.h"
#include "zrms/rollout.h"

namespace zrms {

struct Commands {
  // Spaces of one topology for one zhost.
  struct Places {
    std::string zhost;
    v1::PlaceBatch batch;
    std::size_t bytes = 0;  // for CommandPlanner::answered, as is `names`
    std::vector<std::string> names;
  };
  struct Stop {
    v1::StopCommand command;
    std::size_t bytes = 0;
    std::vector<std::string> names;
  };
  std::vector<Places> places;
  std::vector<Stop> stops;
};

struct Plan {
  std::vector<RowChange> changes;
  Commands commands;
  bool more = false;  // the next plan has something to look at already
};

struct ReconcilerOptions {
  // A place that was answered and not yet seen in a report is sent again after this.
  stdx::Duration repeat_after = std::chrono::milliseconds(300);
  // A space that failed on its zhost is placed anew after this, doubling to a minute with each
  // time that it failed within failures_count_for.
  stdx::Duration failed_back_off = std::chrono::seconds(1);
  stdx::Duration failures_count_for = std::chrono::minutes(10);
  // What is not settled is looked at again after this.
  stdx::Duration sweep_every = std::chrono::milliseconds(240);
  // A topology whose state stays tells a new reason for it at most this often: its row is large.
  stdx::Duration reason_every = std::chrono::milliseconds(500);
  std::size_t changes_max = 1000;
  std::size_t looks_max = 1200;
  std::size_t batch_max = 128;  // spaces in one place command
};

struct PlanView {
  const Records& records;
  const ClusterManager& cluster;
  const RecoveryManager& recovery;
  const std::vector<v1::Member>& members;
  std::uint64_t term;
  std::string now_text;  // RFC 3339, for the records
};

// The candidates for placing, from members and what they said.
std::vector<Candidate> candidates_of(const PlanView& view);

// What is known of the spaces of a topology, by index.
struct TopologyProgress {
  using Index = std::uint32_t;
  std::set<Index> hot;                 // something changed: look
  std::set<Index> open;                // to be looked at with each sweep
  std::set<Index> down;                // do not run, or where they are to end are not gone
  std::map<Index, std::string> waits;  // for their data, and where that is
  std::map<Index, std::string> moved;  // placed in this plan's rows, not yet in the records
  stdx::Instant reason_at{};           // the row's reason was last changed
  std::uint64_t version = 0;           // of the topology, to which the indices belong
  Rollout rollout;
};

// One plan under way, and what its parts ask about the view.
struct PlanWork {
  const PlanView& view;
  stdx::Instant now;
  Candidates candidates;
  std::unordered_map<std::string, const v1::Member*> members;
  Plan plan;
  std::vector<std::string> topologies;  // that were looked at
  std::size_t looks = 0;
  std::map<std::pair<std::string, std::string>, Commands::Places> places;  // zhost, topology

  PlanWork(const PlanView& v, stdx::Instant at) : view(v), now(at), candidates(candidates_of(v)) {
    for (const auto& member : view.members) members[member.zhost_id()] = &member;
  }

  const v1::Member* member(const std::string& zhost) const {
    const auto at = members.find(zhost);
    return at == members.end() ? nullptr : at->second;
  }
  // What the zhost of a placement says of it; null: nothing.
  const v1::SpaceReport* seen(const v1::SpaceRecord& record) const {
    const auto* zhost = view.cluster.find(record.zhost());
    if (zhost == nullptr) return nullptr;
    const auto at = zhost->spaces.find({record.topology_id(), record.space()});
    return at == zhost->spaces.end() || at->second.epoch() != record.epoch() ? nullptr
                                                                             : &at->second;
  }
  // It can't take anything now, which says nothing of whether the space fits there.
  bool absent(const std::string& zhost) const {
    const auto* candidate = candidates.find(zhost);
    return candidate != nullptr && !candidate->available;
  }
  // A zhost that may live has not spoken in this leadership session: where nothing fits, it may
  // yet.
  bool someone_unheard() const {
    return std::any_of(view.members.begin(), view.members.end(), [&](const v1::Member& m) {
      return view.cluster.life(m.zhost_id()) == ClusterManager::Life::alive &&
             !view.cluster.heard(m.zhost_id());
    });
  }
  // What its zhost says of it; else why it was placed there. The last words of a zhost that is not
  // there any more say nothing.
  std::string said_of(const v1::SpaceRecord& record) const {
    const auto* zhost = view.cluster.find(record.zhost());
    const bool there = zhost != nullptr && zhost->life != ClusterManager::Life::dead &&
                       !view.cluster.zrun_down(record.zhost());
    if (there)
      if (const auto seen = zhost->spaces.find({record.topology_id(), record.space()});
          seen != zhost->spaces.end() && seen->second.epoch() == record.epoch())
        return seen->second.detail().empty() ? seen->second.state() : seen->second.detail();
    return wire::state_of(record) == wire::SpaceRowState::placed ? record.reason() : "";
  }
  // Of a space that is not as its topology wants it. One that runs is to be replaced, or is
  // reported before the records say so; a state is no reason.
  std::string why_not_running(const model::Topology& spec, const std::string& name,
                              const SpaceRow* row) const {
    if (row == nullptr) return stdx::format("waits for space {}", name);
    const auto& record = row->record;
    const auto* report = seen(record);
    if (report != nullptr && wire::state_of(*report) == wire::InstanceState::running) {
      if (record.version() < spec.version)
        return stdx::format("space {} runs in version {}; version {} takes its place", name,
                            record.version(), spec.version);
      return stdx::format("space {} has just started; it is not in the records yet", name);
    }
    const auto said = said_of(record);
    if (report != nullptr && said == report->state())
      return stdx::format("space {} is {} on zhost {}", name, said, record.zhost());
    return stdx::format("space {} is not running{}", name, said.empty() ? "" : ": " + said);
  }
  bool room(std::size_t max) const { return plan.changes.size() < max; }
};

}  // namespace zrms
