// SPDX-License-Identifier: Apache-2.0
// What becomes of one space that is to run: it is placed, waits for its data, is told again, or
// runs.
#include <algorithm>

#include "stdx/plant.h"
#include "stdx/text.h"
#include "zrms/reconciler_work.h"

namespace zrms {

using stdx::format;

bool Reconciler::place_anew(Work& work, const TopologyRow& topology, const model::Space& space,
                            const SpaceRow* row, std::map<std::string, std::string>& placed,
                            const std::string& avoid, const std::string& why) {
  if (!work.room(options_.changes_max)) return false;
  const bool has_data = space.store == model::StoreKind::local && row != nullptr;
  const auto choice = choose({.topology = topology.spec,
                              .space = space,
                              .placed = placed,
                              .only_on = has_data ? row->record.zhost() : "",
                              .avoid = avoid},
                             work.candidates);
  if (!choice.zhost && has_data && work.absent(row->record.zhost())) {
    // It just returned, and a word of it is to come: nothing is known to be wrong.
    wait_for_data(work, *row, format("data on zhost {}", row->record.zhost()));
    return false;
  }
  if (!choice.zhost) {
    work.plan.refusals[{topology.record.id(), space.name}] = choice.refusals;
    return false;  // the row stays as it is: whoever runs it goes on (P8)
  }
  const auto* member = work.member(*choice.zhost);
  v1::SpaceRecord next = row == nullptr ? v1::SpaceRecord() : row->record;
  next.set_topology_id(topology.record.id());
  next.set_space(space.name);
  next.set_zhost(*choice.zhost);
  next.set_incarnation(member->incarnation());
  // Epochs grow only here, in the transaction that names the zhost (P3).
  next.set_epoch(std::max(row == nullptr ? 0 : row->record.epoch(),
                          PLANTED(P15_step) ? 0 : work.view.records.lineage().epoch_floor()) +
                 1);
  next.set_state("placed");
  next.set_reason(why);
  if (row != nullptr) next.set_restarts(next.restarts() + 1);
  if (std::find(next.held_by().begin(), next.held_by().end(), *choice.zhost) ==
      next.held_by().end())
    next.add_held_by(*choice.zhost);
  work.plan.changes.push_back(change_of(row == nullptr ? SpaceRow{} : *row, std::move(next)));
  work.promise(*choice.zhost, space);
  placed[space.name] = *choice.zhost;
  return true;
}

void Reconciler::wait_for_data(Work& work, const SpaceRow& row, const std::string& why) {
  work.waits[{row.record.topology_id(), row.record.space()}] = why;
  if (row.record.state() == "waiting" && row.record.reason() == why) return;
  if (!work.room(options_.changes_max)) return;
  auto next = row.record;
  next.set_state("waiting");
  next.set_reason(why);
  work.plan.changes.push_back(change_of(row, std::move(next)));
}

void Reconciler::send_place(Work& work, const TopologyRow& topology, const SpaceRow& row) {
  const auto& record = row.record;
  v1::PlaceCommand command;
  auto& header = *command.mutable_header();
  header.set_term(work.view.term);
  header.set_zhost(record.zhost());
  header.set_incarnation(record.incarnation());
  header.set_topology_id(record.topology_id());
  header.set_space(record.space());
  header.set_epoch(record.epoch());
  header.set_lineage(work.view.records.lineage().id());
  header.set_counter(work.view.records.counter());
  command.set_mex_sha256(topology.record.mex_sha256());
  command.set_data_expected(record.has_data());
  *command.mutable_blob_holders() = topology.record.blob_holders();
  // S1: what the receiver's former instance may have been told of its senders.
  for (const auto& path : topology.spec.paths) {
    if (path.to != record.space()) continue;
    const auto* known = work.view.records.space(record.topology_id(), path.from);
    if (known == nullptr) continue;
    auto& sender = *command.add_senders();
    sender.set_space(path.from);
    sender.set_epoch(known->record.epoch());
  }
  const auto bytes = command.ByteSizeLong() + topology.record.spec().ByteSizeLong();
  if (!leaves(format("place/{}/{}/{}", record.topology_id(), record.space(), record.epoch()),
              record.zhost(), bytes, work.now))
    return;
  *command.mutable_topology() = topology.record.spec();
  work.plan.commands.places.push_back({std::move(command), bytes});
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
bool Reconciler::settle_space(Work& work, const TopologyRow& topology, const model::Space& space,
                              std::map<std::string, std::string>& placed) {
  const Key key{topology.record.id(), space.name};
  const auto* row = work.view.records.space(key.first, key.second);
  if (row == nullptr || row->record.state() == "stopped") {
    place_anew(work, topology, space, row, placed, "", "");
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
    if (has_data)
      wait_for_data(work, *row,
                    format("data on zhost {}{}{}", record.zhost(), loss->waits,
                           work.view.cluster.zrun_down(record.zhost())
                               ? work.view.cluster.zrun_cause(record.zhost())
                               : ""));
    else
      place_anew(work, topology, space, row, placed, record.zhost(),
                 format("zhost {} {}{}", record.zhost(), loss->moves,
                        work.view.cluster.zrun_down(record.zhost())
                            ? work.view.cluster.zrun_cause(record.zhost())
                            : ""));
    return false;
  }
  if (newer_life) {
    place_anew(work, topology, space, row, placed, "",
               format("zhost {} started anew", record.zhost()));
    return false;
  }
  if (zhost == nullptr || !zhost->reported || zhost->incarnation != record.incarnation()) {
    send_place(work, topology, *row);
    return false;
  }
  const auto seen = zhost->spaces.find(key);
  const bool present = seen != zhost->spaces.end() && seen->second.epoch() == record.epoch();
  if (!present) {
    const auto floor = zhost->floors.find(key);
    if (floor != zhost->floors.end() && floor->second >= record.epoch()) {
      // Its floor stands and it is not there: this epoch never comes back (P4).
      place_anew(work, topology, space, row, placed, "",
                 format("it is gone from zhost {}", record.zhost()));
      return false;
    }
    send_place(work, topology, *row);
    return false;
  }
  const auto& state = seen->second.state();
  if (state == "failed") {
    const auto since = failed_since_.try_emplace(key, work.now).first->second;
    const auto tries = std::min(record.restarts(), 6u);
    if (work.now - since >= options_.failed_back_off * (1u << tries)) {
      failed_since_.erase(key);
      place_anew(work, topology, space, row, placed, record.zhost(),
                 format("failed on {}: {}", record.zhost(), seen->second.detail()));
    }
    return false;
  }
  failed_since_.erase(key);
  if (state == "running") note_running(work, *row, has_data);
  return state == "running";
}

void Reconciler::note_running(Work& work, const SpaceRow& row, bool has_data) {
  const auto& record = row.record;
  if (record.state() == "running" && record.has_data() == has_data) return;
  if (!work.room(options_.changes_max)) return;
  auto next = record;
  next.set_state("running");
  next.set_reason("");
  next.set_has_data(has_data);
  work.plan.changes.push_back(change_of(row, std::move(next)));
}

}  // namespace zrms
