// SPDX-License-Identifier: Apache-2.0
#include "zrms/update_roller.h"

#include <utility>

#include "stdx/text.h"
#include "wire/states.h"
#include "zrms/route_clash.h"
#include "zrms/versions.h"

namespace zrms {

using stdx::format;

bool UpdateRoller::settle_older(PlanWork& work, const TopologyRow& topology,
                                TopologyProgress& progress, Index index, bool runs) {
  if (runs || update_goes_on(topology.record)) {
    progress.rollout.note_older(index);
    return runs;
  }
  placer_.replace(work, topology, progress, index);
  return false;
}

// A restart in place says that it fails.
void UpdateRoller::try_out(PlanWork& work, const TopologyRow& topology, TopologyProgress& progress,
                           Index index, const SpaceRow& row, const v1::SpaceReport& seen) {
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

namespace {

// Its row stays while its topology does: a version that brings the space back goes on from this
// epoch, since zhosts know the former ones by their epochs (P3, S1).
v1::SpaceRecord purged(const v1::SpaceRecord& record) {
  v1::SpaceRecord left;
  left.set_topology_id(record.topology_id());
  left.set_space(record.space());
  left.set_epoch(record.epoch());
  left.set_version(record.version());
  wire::set_state(left, wire::SpaceRowState::removed);
  return left;
}

}  // namespace

// It goes when everything else is through.
bool UpdateRoller::settle_removed(PlanWork& work, TopologyProgress& progress, Index index,
                                  const SpaceRow* row) {
  if (row == nullptr) return true;
  const auto& record = row->record;
  if (record.tombstone()) {  // purged
    if (!stopper_.is_held(work, *row,
                          {.why = "the space was removed for good", .remove_data = true}))
      work.plan.changes.push_back(change_of(*row, purged(record)));
    return false;
  }
  if (wire::state_of(record) == wire::SpaceRowState::removed) return true;
  progress.rollout.note_leaving(index);
  return true;
}

bool UpdateRoller::roll(PlanWork& work, const TopologyRow& topology, TopologyProgress& progress) {
  const auto& record = topology.record;
  auto& rollout = progress.rollout;
  const bool rolling = update_goes_on(record);
  if (rolling && !rollout.failed().empty() && record.update().state() == v1::UPDATE_ROLLING)
    return roll_back(work, topology, rollout.failed());
  // An update that is over leaves nothing behind; a row of an older version is one that came late.
  while (const auto* index = rollout.next(topology.spec().spaces.size())) {
    if (!work.room(changes_max_)) break;
    const auto next = *index;
    rollout.replaced(next);
    progress.open.insert(next);
    progress.down.insert(next);
    placer_.replace(work, topology, progress, next);
  }
  if (!rollout.is_through() || !progress.down.empty()) return false;
  bool left = true;
  for (const auto index : rollout.leaving()) {
    if (!work.room(changes_max_)) return false;
    const auto* row = work.view.records.space(record.id(), topology.spec().spaces[index].name);
    if (row == nullptr) continue;
    progress.open.insert(index);
    left = false;
    if (stopper_.is_held(work, *row, {.why = "an update removed the space"})) continue;
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

bool UpdateRoller::roll_back(PlanWork& work, const TopologyRow& topology, const std::string& why) {
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
