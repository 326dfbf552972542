// SPDX-License-Identifier: Apache-2.0
#include "zrms/reconciler.h"

#include <algorithm>
#include <utility>

#include "stdx/plant.h"
#include "stdx/text.h"
#include "zrms/reconciler_work.h"

namespace zrms {

using stdx::format;

namespace {
constexpr std::size_t reason_bytes_max = 4096;
}

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
      candidate.unavailable = "its zrun is down" + view.cluster.zrun_cause(candidate.zhost);
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
  header.set_lineage(work.view.records.lineage().id());
  header.set_counter(work.view.records.counter());
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
