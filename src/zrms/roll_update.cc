// SPDX-License-Identifier: Apache-2.0
// Updates: what was changed by a new version of a topology is replaced, a few at a time, and what
// does not come up brings the former version back.
#include "model/topology_update.h"
#include "stdx/plant.h"
#include "stdx/text.h"
#include "wire/states.h"
#include "zrms/reconciler_work.h"
#include "zrms/route_clash.h"
#include "zrms/versions.h"

namespace zrms {

using stdx::format;

// A space whose row is of an older version than the topology. False where it is to be looked at
// again.
bool Reconciler::settle_older(Work& work, const TopologyRow& topology, Progress& progress,
                              Index index, bool runs) {
  if (runs || update_goes_on(topology.record)) {
    progress.rollout.note_older(index);
    return runs;
  }
  replace(work, topology, progress, index);
  return false;
}

// One of this version is on trial until it ran long enough. A restart in place says that it fails.
void Reconciler::try_out(Work& work, const TopologyRow& topology, Progress& progress, Index index,
                         const SpaceRow& row, const v1::SpaceReport& seen) {
  if (!update_goes_on(topology.record) || row.record.version() != topology.spec().version ||
      progress.rollout.has_passed(index))
    return;
  const auto state = wire::state_of(seen);
  const bool failed = state == wire::InstanceState::failed;
  if (failed || seen.restarts() > 0)
    progress.rollout.note_failed(format("space {} failed on {}: {}", row.record.space(),
                                        row.record.zhost(),
                                        failed ? seen.detail() : seen.last_failure()));
  if (state == wire::InstanceState::running)
    progress.rollout.note_running(index, work.now);
  else
    progress.rollout.note_placed(index);
}

// Placed anew on the same zhost where its rules allow it: then what it had not finished goes on in
// its next instance.
void Reconciler::replace(Work& work, const TopologyRow& topology, Progress& progress, Index index) {
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

// An update removed it: it goes when everything else is through, and its data stays.
bool Reconciler::settle_removed(Work& work, Progress& progress, Index index, const SpaceRow* row) {
  if (row == nullptr) return true;
  const auto& record = row->record;
  if (record.tombstone()) {  // purged
    if (!held_there(work, *row, {.why = "the space was removed for good", .remove_data = true}))
      work.plan.changes.push_back(removal_of(*row));
    return false;
  }
  if (wire::state_of(record) == wire::SpaceRowState::removed) return true;
  progress.rollout.note_leaving(index);
  return true;
}

bool Reconciler::roll(Work& work, const TopologyRow& topology, Progress& progress) {
  const auto& record = topology.record;
  auto& rollout = progress.rollout;
  const bool rolling = update_goes_on(record);
  if (rolling && !rollout.failed().empty() && record.update().state() == v1::UPDATE_ROLLING)
    return roll_back(work, topology, rollout.failed());
  // An update that is over leaves nothing behind; a row of an older version is one that came late.
  while (const auto* index = rollout.next(topology.spec().spaces.size())) {
    if (!work.room(options_.changes_max)) break;
    const auto next = *index;
    rollout.replaced(next);
    progress.open.insert(next);
    progress.down.insert(next);
    replace(work, topology, progress, next);
  }
  if (!rollout.is_through() || !progress.down.empty()) return false;
  bool left = true;
  for (const auto index : rollout.leaving()) {
    if (!work.room(options_.changes_max)) return false;
    const auto* row = work.view.records.space(record.id(), topology.spec().spaces[index].name);
    if (row == nullptr) continue;
    progress.open.insert(index);
    left = false;
    if (held_there(work, *row, {.why = "an update removed the space"})) continue;
    auto next = row->record;
    wire::set_state(next, wire::SpaceRowState::removed);
    next.set_reason("an update removed it; `topo purge` removes its data");
    work.plan.changes.push_back(change_of(*row, std::move(next)));
  }
  if (!rolling || !left) return false;
  auto next = record;
  auto& update = *next.mutable_update();
  update.set_state(record.update().state() == v1::UPDATE_ROLLING ? v1::UPDATE_DONE
                                                                 : v1::UPDATE_ROLLED_BACK);
  update.set_ended(work.view.now_text);
  wire::set_state(next, wire::TopologyState::running);
  next.set_reason("");
  next.set_updated(work.view.now_text);
  work.plan.changes.push_back(change_of(topology, std::move(next)));
  return true;
}

bool Reconciler::roll_back(Work& work, const TopologyRow& topology, const std::string& why) {
  const auto& update = topology.record.update();
  auto back = back_to(work.view.records, topology, update.from());
  // Another topology may have taken a route of the former version meanwhile.
  if (const auto routes =
          back ? may_have_routes(work.view.records, back->updated.topology) : stdx::Status();
      !routes)
    back = std::unexpected(routes.error());
  if (!back) {
    auto next = topology.record;
    next.mutable_update()->set_state(v1::UPDATE_DONE);
    next.mutable_update()->set_ended(work.view.now_text);
    next.mutable_update()->set_reason(
        format("{}; it could not be rolled back: {}", why, back.error().message));
    work.plan.changes.push_back(change_of(topology, std::move(next)));
    return true;
  }
  back->what = format("back to version {}: version {} failed", update.from(), update.to());
  back->state = v1::UPDATE_ROLLING_BACK;
  back->reason = why;
  auto record = next_record(topology, *back, work.view.now_text);
  work.plan.changes.push_back(
      change_of(topology, std::move(record), text_of(std::move(back->updated.topology))));
  return true;
}

}  // namespace zrms
