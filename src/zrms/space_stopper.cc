// SPDX-License-Identifier: Apache-2.0
#include "zrms/space_stopper.h"

#include <utility>

#include "stdx/plant.h"
#include "stdx/text.h"
#include "wire/states.h"

namespace zrms {

using stdx::format;

bool SpaceStopper::settle(PlanWork& work, const TopologyRow& topology, const SpaceRow* row) {
  const bool deleting = topology.record.desired() == v1::DESIRED_DELETED;
  if (row == nullptr) return true;
  if (!deleting && (wire::is_over(wire::state_of(row->record)))) return true;
  if (deleting && !row->record.tombstone()) {
    // P13: deleting raises the epoch and leaves a tombstone.
    auto next = row->record;
    next.set_tombstone(true);
    next.set_epoch(next.epoch() + 1);
    wire::set_state(next, wire::SpaceRowState::stopped);
    work.plan.changes.push_back(change_of(*row, std::move(next)));
    return false;
  }
  const Ending ending{.why = deleting ? "the topology was deleted" : "an operator stopped it",
                      .remove_data = deleting,
                      .topology_ends = true};
  if (is_held(work, *row, ending)) return false;
  if (deleting) {
    work.plan.changes.push_back(removal_of(*row));
  } else {
    auto next = row->record;
    wire::set_state(next, wire::SpaceRowState::stopped);
    next.set_reason("");
    work.plan.changes.push_back(change_of(*row, std::move(next)));
  }
  return false;
}

bool SpaceStopper::is_held(PlanWork& work, const SpaceRow& row, const Ending& ending) {
  const Records::Key key{row.record.topology_id(), row.record.space()};
  bool held = false;
  for (const auto& holder : row.record.held_by()) {
    const auto* zhost = work.view.cluster.find(holder);
    const auto* member = work.member(holder);
    if (member == nullptr) continue;
    if (!ending.remove_data && holder != row.record.zhost()) continue;
    if (!ending.remove_data && member->incarnation() > row.record.incarnation()) continue;
    std::uint64_t floor = 0;
    bool present = false;
    if (zhost != nullptr) {
      const auto at = zhost->floors.find(key);
      if (at != zhost->floors.end()) floor = at->second;
      present = zhost->spaces.contains(key);
      if (zhost->reported && !present && floor >= row.record.epoch()) continue;
    }
    held = true;
    if (zhost != nullptr && work.view.cluster.life(holder) != ClusterManager::Life::dead)
      commands_.stop(work, row.record, holder, member->incarnation(), row.record.epoch(), ending);
  }
  return held;
}

// P8: a copy of an older placement ends once the newer one is reported running; until then its
// effects are refused, and it may be the only one there is. Only a newer row stops anything: a
// missing row never does (P13). True while there is such a copy.
bool SpaceStopper::stop_older(PlanWork& work, const SpaceRow& row) {
  const auto& record = row.record;
  if (record.tombstone()) return false;
  const Records::Key key{record.topology_id(), record.space()};
  bool any = false;
  for (const auto& holder : work.view.cluster.reporters(key)) {
    const auto* zhost = work.view.cluster.find(holder);
    if (zhost == nullptr || zhost->life == ClusterManager::Life::dead) continue;
    const auto seen = zhost->spaces.find(key);
    if (seen == zhost->spaces.end() || record.epoch() <= seen->second.epoch()) continue;
    any = true;
    const auto* newer = work.view.cluster.find(record.zhost());
    const auto at = newer == nullptr ? zhost->spaces.end() : newer->spaces.find(key);
    const bool newer_runs = newer != nullptr && at != newer->spaces.end() &&
                            at->second.epoch() == record.epoch() &&
                            wire::state_of(at->second) == wire::InstanceState::running;
    // Nothing newer comes where an operator stopped the topology: the older copy ends too.
    const auto state = wire::state_of(record);
    const bool unwanted = wire::is_over(state);
    if (newer_runs || unwanted || PLANTED(P8_stop_first))
      commands_.stop(work, record, holder, zhost->incarnation, seen->second.epoch(),
                     {.why = unwanted ? "the topology was stopped"
                                      : format("it runs on {} now", record.zhost()),
                      .topology_ends = state == wire::SpaceRowState::stopped});
  }
  return any;
}

void SpaceStopper::stop_rowless(PlanWork& work) {
  for (const auto& [name, zhost] : work.view.cluster.zhosts())
    for (const auto& [key, seen] : zhost.spaces) {
      if (work.view.records.space(key.first, key.second) != nullptr) continue;
      v1::SpaceRecord record;
      record.set_topology_id(key.first);
      record.set_space(key.second);
      commands_.stop(work, record, name, zhost.incarnation, seen.epoch(), {.why = "no row"});
    }
}

}  // namespace zrms
