// SPDX-License-Identifier: Apache-2.0
#include "zrms/space_settler.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "model/topology_update.h"
#include "stdx/text.h"
#include "wire/states.h"

namespace zrms {

using stdx::format;

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

bool SpaceSettler::settle(PlanWork& work, const TopologyRow& topology, TopologyProgress& progress,
                          Index index) {
  const auto& space = topology.spec().spaces[index];
  const Records::Key key{topology.record.id(), space.name};
  const auto* row = work.view.records.space(key.first, key.second);
  if (row == nullptr &&
      work.view.records.unreadable().contains("space/" + key.first + "/" + key.second)) {
    // Where it runs, and with which epoch, nobody can say: it is not placed a second time.
    progress.waits[index] =
        format("the row of space {} in the control plane's database cannot be read", space.name);
    return false;
  }
  if (row != nullptr && row->record.tombstone()) {
    // A version brought it back while its data is being purged: that comes first.
    updates_.settle_removed(work, progress, index, row);
    progress.waits[index] = format("space {} waits until its former data is removed", space.name);
    return false;
  }
  if (row == nullptr || wire::is_over(wire::state_of(row->record))) {
    placer_.place_anew(work, topology, progress, index, "", "");
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
      placer_.wait_for_data(work, progress, index, *row,
                            format("data on zhost {}{}{}", record.zhost(), loss->waits, cause));
    else
      placer_.place_anew(work, topology, progress, index, record.zhost(),
                         format("zhost {} {}{}", record.zhost(), loss->moves, cause));
    return false;
  }
  if (newer_life) {
    placer_.place_anew(work, topology, progress, index, "",
                       format("zhost {} started anew", record.zhost()));
    return false;
  }
  // A place command has the present version: for an older row it would be another space.
  const bool older = record.definition() != model::mark_of(space);
  if (zhost == nullptr || !zhost->reported || zhost->incarnation != record.incarnation()) {
    if (!older) commands_.place(work, topology, index, *row);
    return false;
  }
  const auto seen = zhost->spaces.find(key);
  const bool present = seen != zhost->spaces.end() && seen->second.epoch() == record.epoch();
  if (!present) {
    const auto floor = zhost->floors.find(key);
    if (floor != zhost->floors.end() && floor->second >= record.epoch())
      // Its floor stands and it is not there: this epoch never comes back (P4).
      placer_.place_anew(work, topology, progress, index, "",
                         format("it is gone from zhost {}", record.zhost()));
    else if (older)
      placer_.replace(work, topology, progress, index);
    else
      commands_.place(work, topology, index, *row);
    return false;
  }
  return settle_present(work, topology, progress, index, *row, seen->second);
}

// Its zhost says that it has it, in that epoch.
bool SpaceSettler::settle_present(PlanWork& work, const TopologyRow& topology,
                                  TopologyProgress& progress, Index index, const SpaceRow& row,
                                  const v1::SpaceReport& seen) {
  const auto& space = topology.spec().spaces[index];
  const auto& record = row.record;
  const auto state = wire::state_of(seen);
  const bool older = record.definition() != model::mark_of(space);
  if (older && state != wire::InstanceState::failed)
    return updates_.settle_older(work, topology, progress, index,
                                 state == wire::InstanceState::running);
  if (!older) updates_.try_out(work, topology, progress, index, row, seen);
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
bool SpaceSettler::settle_failed(PlanWork& work, const TopologyRow& topology,
                                 TopologyProgress& progress, Index index, const SpaceRow& row,
                                 const std::string& detail) {
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
    placer_.place_anew(work, topology, progress, index, record.zhost(),
                       format("failed on {}: {}", record.zhost(), detail), /*failed=*/true);
  return false;
}

void SpaceSettler::note_running(PlanWork& work, const SpaceRow& row, bool has_data) {
  const auto& record = row.record;
  if (wire::state_of(record) == wire::SpaceRowState::running && record.has_data() == has_data)
    return;
  auto next = record;
  wire::set_state(next, wire::SpaceRowState::running);
  next.set_reason("");
  next.set_has_data(has_data);
  work.plan.changes.push_back(change_of(row, std::move(next)));
}

void SpaceSettler::sweep(const Records& records, stdx::Instant now) {
  std::erase_if(failures_, [&](const auto& e) {
    return records.space(e.first.first, e.first.second) == nullptr ||
           now - e.second.since > options_.failures_count_for;
  });
}

}  // namespace zrms
