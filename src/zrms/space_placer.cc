// SPDX-License-Identifier: Apache-2.0
#include "zrms/space_placer.h"

#include <algorithm>
#include <utility>

#include "model/topology_update.h"
#include "stdx/plant.h"
#include "stdx/text.h"
#include "wire/states.h"
#include "zrms/placed_on.h"
#include "zrms/versions.h"

namespace zrms {

using stdx::format;

bool SpacePlacer::place_anew(PlanWork& work, const TopologyRow& topology,
                             TopologyProgress& progress, Index index, const std::string& avoid,
                             const std::string& why, bool failed) {
  const auto& id = topology.record.id();
  const auto& space = topology.spec().spaces[index];
  const auto* row = work.view.records.space(id, space.name);
  const bool has_data = space.store == model::StoreKind::local && row != nullptr;
  const auto where = [&](Index other) -> const std::string* {
    if (const auto moved = progress.moved.find(other); moved != progress.moved.end())
      return &moved->second;
    return placed_on(work.view.records.space(id, topology.spec().spaces[other].name));
  };
  auto choice = work.candidates.choose({.topology = topology.spec(),
                                        .index = topology.index(),
                                        .space = index,
                                        .where = where,
                                        .only_on = data_zhost(row, space),
                                        .avoid = avoid});
  if (!choice.zhost && has_data && work.absent(row->record.zhost())) {
    // It just returned, and a word of it is to come: nothing is known to be wrong.
    wait_for_data(work, progress, index, *row, format("data on zhost {}", row->record.zhost()));
    return false;
  }
  if (!choice.zhost) {
    refusals_[{id, space.name}] = std::move(choice.refusals);
    return false;  // the row stays as it is: whoever runs it goes on (P8)
  }
  auto next = next_placement(work, topology, index, *choice.zhost, why);
  if (failed) {
    next.set_restarts(next.restarts() + 1);
    note_failure(work, row == nullptr ? 0 : row->record.version(), stdx::shortened(why, 400), next);
  }
  work.plan.changes.push_back(change_of(row == nullptr ? SpaceRow{} : *row, std::move(next)));
  work.candidates.promise(*choice.zhost, space);
  progress.moved[index] = *choice.zhost;
  if (update_goes_on(topology.record)) progress.rollout.note_placed(index);
  return true;
}

void SpacePlacer::note_failure(const PlanWork& work, std::uint64_t version, const std::string& why,
                               v1::SpaceRecord& row) {
  row.set_last_failure(why);
  row.set_last_failure_at(work.view.now_text);
  row.set_last_failure_version(version);
}

// The row of the space with its next epoch, on that zhost, in the present version.
v1::SpaceRecord SpacePlacer::next_placement(PlanWork& work, const TopologyRow& topology,
                                            Index index, const std::string& zhost,
                                            const std::string& why) {
  const auto& space = topology.spec().spaces[index];
  const auto* row = work.view.records.space(topology.record.id(), space.name);
  v1::SpaceRecord next = row == nullptr ? v1::SpaceRecord() : row->record;
  // What the instance that is replaced went through goes on to be told.
  if (const auto* seen = row == nullptr ? nullptr : work.seen(row->record)) {
    next.set_restarts(next.restarts() + seen->restarts());
    if (!seen->last_failure().empty())
      note_failure(work, row->record.version(), seen->last_failure(), next);
  }
  next.set_topology_id(topology.record.id());
  next.set_space(space.name);
  next.set_zhost(zhost);
  next.set_incarnation(work.member(zhost)->incarnation());
  // Epochs grow only here, in the transaction that names the zhost (P3).
  next.set_epoch(std::max(row == nullptr ? 0 : row->record.epoch(),
                          PLANTED(P15_step) ? 0 : work.view.records.lineage().epoch_floor()) +
                 1);
  wire::set_state(next, wire::SpaceRowState::placed);
  next.set_reason(stdx::shortened(why, 4096));
  next.set_version(topology.spec().version);
  next.set_definition(model::mark_of(space));
  next.set_mex_sha256(space.mex_sha256.empty() ? topology.record.mex_sha256() : space.mex_sha256);
  next.set_replaces(0);
  if (std::find(next.held_by().begin(), next.held_by().end(), zhost) == next.held_by().end())
    next.add_held_by(zhost);
  return next;
}

void SpacePlacer::forget_gone(const Records& records) {
  std::erase_if(refusals_,
                [&](const auto& e) { return records.topology(e.first.first) == nullptr; });
}

void SpacePlacer::wait_for_data(PlanWork& work, TopologyProgress& progress, Index index,
                                const SpaceRow& row, const std::string& why) {
  progress.waits[index] = why;
  if (wire::state_of(row.record) == wire::SpaceRowState::waiting && row.record.reason() == why)
    return;
  auto next = row.record;
  wire::set_state(next, wire::SpaceRowState::waiting);
  next.set_reason(why);
  work.plan.changes.push_back(change_of(row, std::move(next)));
}

// Placed anew on the same zhost where its rules allow it: then what it had not finished goes on in
// its next instance.
void SpacePlacer::replace(PlanWork& work, const TopologyRow& topology, TopologyProgress& progress,
                          Index index) {
  const auto& space = topology.spec().spaces[index];
  const auto* row = work.view.records.space(topology.record.id(), space.name);
  const auto why = format("version {} of the topology", topology.spec().version);
  const auto& zhost = row->record.zhost();
  work.candidates.give_back(zhost, space);
  const auto choice = work.candidates.choose({.topology = topology.spec(),
                                              .index = topology.index(),
                                              .space = index,
                                              .where = {},
                                              .only_on = zhost,
                                              .avoid = ""});
  // Silent for a moment only: nothing of it is lost, and elsewhere it would begin without its
  // mailbox.
  if (const auto* here = work.candidates.find(zhost);
      !choice.zhost && here != nullptr && !here->available && !here->lost) {
    progress.waits[index] = format("space {} is replaced on zhost {}, which is {}", space.name,
                                   zhost, here->unavailable);
    return;
  }
  if (!choice.zhost) {
    place_anew(work, topology, progress, index, "", why);
    return;
  }
  auto next = next_placement(work, topology, index, zhost, why);
  next.set_replaces(row->record.epoch());
  if (PLANTED(P16_epoch)) next.set_epoch(row->record.epoch());
  work.plan.changes.push_back(change_of(*row, std::move(next)));
  work.candidates.promise(zhost, space);
  progress.moved[index] = zhost;
}

}  // namespace zrms
