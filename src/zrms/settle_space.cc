// SPDX-License-Identifier: Apache-2.0
// What becomes of one space: it is placed, waits for its data, is told again, runs, or ends.
#include <algorithm>

#include "model/topology_update.h"
#include "stdx/plant.h"
#include "stdx/text.h"
#include "wire/states.h"
#include "zrms/placed_on.h"
#include "zrms/reconciler_work.h"
#include "zrms/versions.h"

namespace zrms {

using stdx::format;

bool Reconciler::place_anew(Work& work, const TopologyRow& topology, Progress& progress,
                            Index index, const std::string& avoid, const std::string& why,
                            bool failed) {
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

void Reconciler::note_failure(const Work& work, std::uint64_t version, const std::string& why,
                              v1::SpaceRecord& row) {
  row.set_last_failure(why);
  row.set_last_failure_at(work.view.now_text);
  row.set_last_failure_version(version);
}

// The row of the space with its next epoch, on that zhost, in the present version.
v1::SpaceRecord Reconciler::next_placement(Work& work, const TopologyRow& topology, Index index,
                                           const std::string& zhost, const std::string& why) const {
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

void Reconciler::wait_for_data(Work& work, Progress& progress, Index index, const SpaceRow& row,
                               const std::string& why) {
  progress.waits[index] = why;
  if (wire::state_of(row.record) == wire::SpaceRowState::waiting && row.record.reason() == why)
    return;
  auto next = row.record;
  wire::set_state(next, wire::SpaceRowState::waiting);
  next.set_reason(why);
  work.plan.changes.push_back(change_of(row, std::move(next)));
}

namespace {

// Why what ran on a zhost does not come back there by itself: for who waits for its data, for who
// is placed elsewhere.
struct Loss {
  const char *waits, *moves;
};
std::optional<Loss> loss_of(const ClusterManager& cluster, const std::string& zhost,
                            const v1::Member* member) {
  // Its row bars that life of it (controlplane::Membership::to_forget).
  if (member == nullptr) return Loss{", which was forgotten", "was forgotten"};
  if (cluster.life(zhost) == ClusterManager::Life::dead) return Loss{"", "failed"};
  if (cluster.zrun_down(zhost)) return Loss{", whose zrun is down", "lost its zrun"};
  return std::nullopt;
}

}  // namespace

// True when the space runs where its row says.
bool Reconciler::settle_space(Work& work, const TopologyRow& topology, Progress& progress,
                              Index index) {
  const auto& space = topology.spec().spaces[index];
  const Key key{topology.record.id(), space.name};
  const auto* row = work.view.records.space(key.first, key.second);
  if (row == nullptr &&
      work.view.records.unreadable().contains("space/" + key.first + "/" + key.second)) {
    // Where it runs, and with which epoch, nobody can say: it is not placed a second time.
    progress.waits[index] =
        format("the row of space {} in the control plane's database cannot be read", space.name);
    return false;
  }
  if (row == nullptr || wire::is_over(wire::state_of(row->record))) {
    place_anew(work, topology, progress, index, "", "");
    return false;
  }
  const auto& record = row->record;
  const auto* zhost = work.view.cluster.find(record.zhost());
  const auto* member = work.member(record.zhost());
  const bool has_data = space.store == model::StoreKind::local;
  // A zhost that came back as a new incarnation runs nothing of the old one (P12): the row is stale
  // (P4).
  const bool newer_life = member != nullptr && member->incarnation() > record.incarnation();
  if (const auto loss = loss_of(work.view.cluster, record.zhost(), member)) {
    const auto cause = work.view.cluster.zrun_down(record.zhost())
                           ? work.view.cluster.zrun_cause(record.zhost())
                           : "";
    if (has_data)
      wait_for_data(work, progress, index, *row,
                    format("data on zhost {}{}{}", record.zhost(), loss->waits, cause));
    else
      place_anew(work, topology, progress, index, record.zhost(),
                 format("zhost {} {}{}", record.zhost(), loss->moves, cause));
    return false;
  }
  if (newer_life) {
    place_anew(work, topology, progress, index, "",
               format("zhost {} started anew", record.zhost()));
    return false;
  }
  // A place command has the present version: for an older row it would be another space.
  const bool older = record.definition() != model::mark_of(space);
  if (zhost == nullptr || !zhost->reported || zhost->incarnation != record.incarnation()) {
    if (!older) send_place(work, topology, index, *row);
    return false;
  }
  const auto seen = zhost->spaces.find(key);
  const bool present = seen != zhost->spaces.end() && seen->second.epoch() == record.epoch();
  if (!present) {
    const auto floor = zhost->floors.find(key);
    if (floor != zhost->floors.end() && floor->second >= record.epoch())
      // Its floor stands and it is not there: this epoch never comes back (P4).
      place_anew(work, topology, progress, index, "",
                 format("it is gone from zhost {}", record.zhost()));
    else if (older)
      replace(work, topology, progress, index);
    else
      send_place(work, topology, index, *row);
    return false;
  }
  return settle_present(work, topology, progress, index, *row, seen->second);
}

// Its zhost says that it has it, in that epoch.
bool Reconciler::settle_present(Work& work, const TopologyRow& topology, Progress& progress,
                                Index index, const SpaceRow& row, const v1::SpaceReport& seen) {
  const auto& space = topology.spec().spaces[index];
  const auto& record = row.record;
  const auto state = wire::state_of(seen);
  const bool older = record.definition() != model::mark_of(space);
  if (older && state != wire::InstanceState::failed)
    return settle_older(work, topology, progress, index, state == wire::InstanceState::running);
  if (!older) try_out(work, topology, progress, index, row, seen);
  if (state == wire::InstanceState::failed)
    return settle_failed(work, topology, progress, index, row, seen.detail());
  if (const auto at = failures_.find({record.topology_id(), record.space()});
      at != failures_.end() && at->second.epoch == record.epoch()) {
    // It came back in place.
    at->second.before.push_back(at->second.since);
    at->second.epoch = 0;
  }
  if (state != wire::InstanceState::running) return false;
  note_running(work, row, space.store == model::StoreKind::local);
  return true;
}

// Waits longer with each time that it failed lately. Moves for other reasons do not count.
bool Reconciler::settle_failed(Work& work, const TopologyRow& topology, Progress& progress,
                               Index index, const SpaceRow& row, const std::string& detail) {
  const auto& record = row.record;
  // The former version comes back at once.
  if (!progress.rollout.failed().empty() && topology.record.update().state() == v1::UPDATE_ROLLING)
    return false;
  auto& failures = failures_[{record.topology_id(), record.space()}];
  if (failures.epoch != record.epoch()) {
    if (failures.epoch != 0) failures.before.push_back(failures.since);
    failures.epoch = record.epoch();
    failures.since = work.now;
  }
  while (!failures.before.empty() &&
         (failures.before.size() > 6 ||
          work.now - failures.before.front() > options_.failures_count_for))
    failures.before.pop_front();
  const auto tries = std::min<std::size_t>(failures.before.size(), 6);
  if (work.now - failures.since >= options_.failed_back_off * (1u << tries))
    place_anew(work, topology, progress, index, record.zhost(),
               format("failed on {}: {}", record.zhost(), detail), /*failed=*/true);
  return false;
}

void Reconciler::note_running(Work& work, const SpaceRow& row, bool has_data) {
  const auto& record = row.record;
  if (wire::state_of(record) == wire::SpaceRowState::running && record.has_data() == has_data)
    return;
  auto next = record;
  wire::set_state(next, wire::SpaceRowState::running);
  next.set_reason("");
  next.set_has_data(has_data);
  work.plan.changes.push_back(change_of(row, std::move(next)));
}

// --- ending ---

// True when nothing of it is left to be done.
bool Reconciler::settle_stopping(Work& work, const TopologyRow& topology, const SpaceRow* row) {
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
  if (held_there(work, *row, ending)) return false;
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

// Whether a zhost that may run it has not said that it is gone, nor started anew; it is told.
bool Reconciler::held_there(Work& work, const SpaceRow& row, const Ending& ending) {
  const Key key{row.record.topology_id(), row.record.space()};
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
      send_stop(work, row.record, holder, member->incarnation(), row.record.epoch(), ending);
  }
  return held;
}

// P8: a copy of an older placement ends once the newer one is reported running; until then its
// effects are refused, and it may be the only one there is. Only a newer row stops anything: a
// missing row never does (P13). True while there is such a copy.
bool Reconciler::stop_older_copies(Work& work, const SpaceRow& row) {
  const auto& record = row.record;
  if (record.tombstone()) return false;
  const Key key{record.topology_id(), record.space()};
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
      send_stop(work, record, holder, zhost->incarnation, seen->second.epoch(),
                {.why = unwanted ? "the topology was stopped"
                                 : format("it runs on {} now", record.zhost()),
                 .topology_ends = state == wire::SpaceRowState::stopped});
  }
  return any;
}

// What P13 forbids, for the simulator to find.
void Reconciler::stop_rowless(Work& work) {
  for (const auto& [name, zhost] : work.view.cluster.zhosts())
    for (const auto& [key, seen] : zhost.spaces) {
      if (work.view.records.space(key.first, key.second) != nullptr) continue;
      v1::SpaceRecord record;
      record.set_topology_id(key.first);
      record.set_space(key.second);
      send_stop(work, record, name, zhost.incarnation, seen.epoch(), {.why = "no row"});
    }
}

}  // namespace zrms
