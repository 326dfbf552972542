// SPDX-License-Identifier: Apache-2.0
#include "zrms/reconciler.h"

#include <algorithm>
#include <utility>

#include "stdx/plant.h"
#include "stdx/text.h"

namespace zrms {

using stdx::format;

namespace {
constexpr std::size_t reason_bytes_max = 4096;
}

std::vector<std::string> RecoveryManager::handle_zhost_failure(const std::string& zhost,
                                                               const Records& records) {
  unavailable_[zhost] = true;
  std::vector<std::string> affected;
  for (const auto& [key, row] : records.spaces())
    if (row.record.zhost() == zhost && !row.record.tombstone() &&
        (affected.empty() || affected.back() != key.first))
      affected.push_back(key.first);
  return affected;
}

struct Reconciler::Work {
  const View& view;
  stdx::Instant now;
  std::vector<Candidate> candidates;
  Plan plan;
  std::map<Key, std::string> waits;  // for their data, and where that is

  const v1::Member* member(const std::string& zhost) const {
    for (const auto& m : view.members)
      if (m.zhost_id() == zhost) return &m;
    return nullptr;
  }
  // It can't take anything now, which says nothing of whether the space fits there.
  bool absent(const std::string& zhost) const {
    return std::any_of(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
      return candidate.zhost == zhost && !candidate.available;
    });
  }
  // A zhost that may live has not spoken in this reign: where nothing fits, it may yet.
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
    return record.state() == "placed" ? record.reason() : "";
  }
  bool room(std::size_t max) const { return plan.changes.size() < max; }
  void promise(const std::string& zhost, const model::Space& space) {
    for (auto& candidate : candidates)
      if (candidate.zhost == zhost) {
        candidate.memory_promised_bytes += space.limits.memory_bytes;
        ++candidate.spaces;
      }
  }
};

void Reconciler::reset() {
  sent_.clear();
  failed_since_.clear();
  window_ = {};
  held_back_ = false;
}

bool Reconciler::leaves(const std::string& what, const std::string& zhost, std::size_t bytes,
                        stdx::Instant now) {
  const auto at = sent_.find(what);
  if (at != sent_.end() && now - at->second < options_.repeat_after) return false;
  if (!window_.room(zhost, bytes)) {
    held_back_ = true;
    return false;
  }
  window_.sent(zhost, bytes);
  sent_[what] = now;
  return true;
}

bool Reconciler::answered(const std::string& zhost, std::size_t bytes) {
  window_.answered(zhost, bytes);
  return std::exchange(held_back_, false);
}

void Reconciler::forget_old(const View& view, stdx::Instant now) {
  std::erase_if(sent_, [&](const auto& e) { return now - e.second >= options_.repeat_after; });
  std::erase_if(failed_since_, [&](const auto& e) {
    return view.records.space(e.first.first, e.first.second) == nullptr;
  });
}

std::vector<Candidate> Reconciler::candidates(const View& view) {
  std::vector<Candidate> list;
  for (const auto& member : view.members) {
    Candidate candidate;
    candidate.zhost = member.zhost_id();
    candidate.region = member.region();
    for (const auto& label : member.labels()) candidate.labels[label.name()] = label.value();
    candidate.devices.assign(member.devices().begin(), member.devices().end());
    candidate.memory_bytes = member.memory_bytes();
    candidate.spaces_max = member.spaces_max();
    const auto life = view.cluster.life(candidate.zhost);
    if (view.recovery.unavailable(candidate.zhost) || life == ClusterManager::Life::dead)
      candidate.unavailable = "unavailable: it failed";
    else if (life == ClusterManager::Life::suspect)
      candidate.unavailable = "suspect: not heard for a moment";
    else if (!view.cluster.heard(candidate.zhost))
      candidate.unavailable = "not heard yet";
    else if (view.cluster.zrun_down(candidate.zhost))
      candidate.unavailable = "its zrun is down";
    candidate.available = candidate.unavailable.empty();
    for (const auto& [key, row] : view.records.spaces()) {
      if (row.record.zhost() != candidate.zhost || row.record.tombstone() ||
          row.record.state() == "stopped")
        continue;
      ++candidate.spaces;
      const auto* topology = view.records.topology(key.first);
      if (topology == nullptr) continue;
      for (const auto& space : topology->spec.spaces)
        if (space.name == key.second) candidate.memory_promised_bytes += space.limits.memory_bytes;
    }
    list.push_back(std::move(candidate));
  }
  std::sort(list.begin(), list.end(),
            [](const Candidate& a, const Candidate& b) { return a.zhost < b.zhost; });
  return list;
}

// --- one space that is to run ---

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
  next.set_epoch((row == nullptr ? 0 : row->record.epoch()) + 1);
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
      wait_for_data(work, *row, format("data on zhost {}{}", record.zhost(), loss->waits));
    else
      place_anew(work, topology, space, row, placed, record.zhost(),
                 format("zhost {} {}", record.zhost(), loss->moves));
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

// --- topologies ---

void Reconciler::plan_running(Work& work, const TopologyRow& topology) {
  const auto& record = topology.record;
  std::map<std::string, std::string> placed;
  for (const auto& space : topology.spec.spaces) {
    const auto* row = work.view.records.space(record.id(), space.name);
    if (row != nullptr && !row->record.tombstone() && row->record.state() != "stopped")
      placed[space.name] = row->record.zhost();
  }
  std::size_t running = 0;
  std::string reason;
  bool unplaceable = false;
  for (const auto& space : topology.spec.spaces) {
    const bool runs = settle_space(work, topology, space, placed);
    running += runs;
    const auto* row = work.view.records.space(record.id(), space.name);
    if (runs || !reason.empty()) continue;
    const auto refused = work.plan.refusals.find({record.id(), space.name});
    if (refused != work.plan.refusals.end()) {
      unplaceable |= !work.someone_unheard() || record.state() == "failed";
      reason = format("space {} has no zhost: {}", space.name,
                      fmt::format("{}", fmt::join(refused->second, "; ")));
    } else if (const auto waits = work.waits.find({record.id(), space.name});
               waits != work.waits.end()) {
      reason = waits->second;
    } else {
      const auto detail = row == nullptr ? "" : work.said_of(row->record);
      reason = format("space {} is not running{}", space.name, detail.empty() ? "" : ": " + detail);
    }
  }
  const bool all = running == topology.spec.spaces.size();
  std::string state = "degraded";
  if (all)
    state = "running";
  else if (record.state() == "pending" || record.state() == "stopped")
    state = "pending";
  else if (unplaceable)
    state = "failed";  // R-FAIL-10; it goes on trying, and runs again when capacity appears
  if (all) reason.clear();
  // A thousand zhosts may each have a reason to refuse; the record has a bound.
  if (reason.size() > reason_bytes_max) reason = reason.substr(0, reason_bytes_max) + " ...";
  if (state == record.state() && reason == record.reason()) return;
  if (!work.room(options_.changes_max)) return;
  auto next = record;
  next.set_state(state);
  next.set_reason(reason);
  if (state != record.state()) next.set_updated(work.view.now_text);
  work.plan.changes.push_back(change_of(topology, std::move(next)));
}

void Reconciler::send_stop(Work& work, const v1::SpaceRecord& record, const std::string& zhost,
                           std::uint64_t incarnation, std::uint64_t epoch, bool remove_data,
                           const std::string& why) {
  v1::StopCommand command;
  auto& header = *command.mutable_header();
  header.set_term(work.view.term);
  header.set_zhost(zhost);
  header.set_incarnation(incarnation);
  header.set_topology_id(record.topology_id());
  header.set_space(record.space());
  header.set_epoch(epoch);
  command.set_why(why);
  command.set_remove_data(remove_data);
  const auto bytes = command.ByteSizeLong();
  if (leaves(format("stop/{}/{}/{}/{}", record.topology_id(), record.space(), epoch, zhost), zhost,
             bytes, work.now))
    work.plan.commands.stops.push_back({std::move(command), bytes});
}

void Reconciler::plan_stopping(Work& work, const TopologyRow& topology) {
  const auto& record = topology.record;
  const bool deleting = record.desired() == v1::DESIRED_DELETED;
  bool all_gone = true;
  for (const auto& space : topology.spec.spaces) {
    const Key key{record.id(), space.name};
    const auto* row = work.view.records.space(key.first, key.second);
    if (row == nullptr) continue;
    if (!deleting && row->record.state() == "stopped") continue;
    if (deleting && !row->record.tombstone()) {
      // P13: deleting raises the epoch and leaves a tombstone.
      all_gone = false;
      if (!work.room(options_.changes_max)) continue;
      auto next = row->record;
      next.set_tombstone(true);
      next.set_epoch(next.epoch() + 1);
      next.set_state("stopped");
      work.plan.changes.push_back(change_of(*row, std::move(next)));
      continue;
    }
    // Gone where every zhost that may run it said so, or started anew.
    bool gone = true;
    for (const auto& holder : row->record.held_by()) {
      const auto* zhost = work.view.cluster.find(holder);
      const auto* member = work.member(holder);
      if (member == nullptr) continue;
      if (!deleting && holder != row->record.zhost()) continue;
      const bool newer = !deleting && member->incarnation() > row->record.incarnation();
      const auto floor = zhost == nullptr ? 0 : [&] {
        const auto at = zhost->floors.find(key);
        return at == zhost->floors.end() ? std::uint64_t{0} : at->second;
      }();
      const bool present = zhost != nullptr && zhost->spaces.contains(key);
      if (newer ||
          (zhost != nullptr && zhost->reported && !present && floor >= row->record.epoch()))
        continue;
      gone = false;
      if (zhost != nullptr && work.view.cluster.life(holder) != ClusterManager::Life::dead)
        send_stop(work, row->record, holder, member->incarnation(), row->record.epoch(), deleting,
                  deleting ? "the topology was deleted" : "the topology was stopped");
    }
    all_gone &= gone;
    if (!gone || !work.room(options_.changes_max)) continue;
    if (deleting) {
      work.plan.changes.push_back(removal_of(*row));
    } else {
      auto next = row->record;
      next.set_state("stopped");
      next.set_reason("");
      work.plan.changes.push_back(change_of(*row, std::move(next)));
    }
  }
  if (!all_gone || !work.room(options_.changes_max)) return;
  if (deleting) {
    const bool rows_left = std::any_of(
        topology.spec.spaces.begin(), topology.spec.spaces.end(), [&](const model::Space& space) {
          return work.view.records.space(record.id(), space.name) != nullptr;
        });
    if (!rows_left) work.plan.changes.push_back(removal_of(topology));
  } else if (record.state() != "stopped") {
    auto next = record;
    next.set_state("stopped");
    next.set_reason("");
    next.set_updated(work.view.now_text);
    work.plan.changes.push_back(change_of(topology, std::move(next)));
  }
}

// P8: a copy of an older placement ends once the newer one is reported running; until then its
// effects are refused, and it may be the only one there is. Only a newer row or a tombstone stops
// anything: a missing row never does (P13).
void Reconciler::plan_older_copies(Work& work) {
  for (const auto& [name, zhost] : work.view.cluster.zhosts()) {
    if (zhost.life == ClusterManager::Life::dead) continue;
    for (const auto& [key, seen] : zhost.spaces) {
      const auto* row = work.view.records.space(key.first, key.second);
      if (row == nullptr) {
        if (PLANTED(P13_missing_row)) {
          v1::SpaceRecord record;
          record.set_topology_id(key.first);
          record.set_space(key.second);
          send_stop(work, record, name, zhost.incarnation, seen.epoch(), false, "no row");
        }
        continue;
      }
      if (row->record.tombstone() || row->record.epoch() <= seen.epoch()) continue;
      const auto* newer = work.view.cluster.find(row->record.zhost());
      const auto at = newer == nullptr ? zhost.spaces.end() : newer->spaces.find(key);
      const bool newer_runs = newer != nullptr && at != newer->spaces.end() &&
                              at->second.epoch() == row->record.epoch() &&
                              at->second.state() == "running";
      // Nothing newer comes where an operator stopped the topology: the older copy ends too.
      const bool unwanted = row->record.state() == "stopped";
      if (newer_runs || unwanted || PLANTED(P8_stop_first))
        send_stop(work, row->record, name, zhost.incarnation, seen.epoch(), false,
                  unwanted ? "the topology was stopped"
                           : format("it runs on {} now", row->record.zhost()));
    }
  }
}

Plan Reconciler::plan(const View& view, stdx::Instant now) {
  forget_old(view, now);
  Work work{view, now, candidates(view), {}};
  for (const auto& [id, topology] : view.records.topologies()) {
    if (topology.record.desired() == v1::DESIRED_RUNNING)
      plan_running(work, topology);
    else
      plan_stopping(work, topology);
  }
  plan_older_copies(work);
  return std::move(work.plan);
}

}  // namespace zrms
