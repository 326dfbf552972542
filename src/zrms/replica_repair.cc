// SPDX-License-Identifier: Apache-2.0
#include "zrms/replica_repair.h"

#include <algorithm>
#include <utility>

#include "zrms/replica_plan.h"
#include "zrms/reported_archives.h"

namespace zrms {

struct ReplicaRepair::Work {
  const Reconciler::View& view;
  stdx::Instant now;
  std::set<std::string> alive;  // members that answer
  Plan plan;

  // Nothing of a zhost that has not reported yet: it has not said that anything is missing either.
  const v1::ResourceReport* report_of(const std::string& zhost) const {
    const auto* known = view.cluster.find(zhost);
    return known != nullptr && known->reported ? &known->report : nullptr;
  }
  std::size_t held_by(const std::string& zhost, const std::vector<std::string>& archives) const {
    const auto* report = report_of(zhost);
    if (report == nullptr) return 0;
    return static_cast<std::size_t>(
        std::count_if(archives.begin(), archives.end(),
                      [&](const std::string& sha256) { return reports_held(*report, sha256); }));
  }
  bool reports_a_loss(const std::string& zhost, const std::vector<std::string>& archives) const {
    const auto* report = report_of(zhost);
    return report != nullptr &&
           std::any_of(archives.begin(), archives.end(),
                       [&](const std::string& sha256) { return reports_missing(*report, sha256); });
  }
};

bool ReplicaRepair::lost(const Work& work, const std::string& topology, const std::string& replica,
                         const std::vector<std::string>& archives) {
  if (work.alive.contains(replica) && !work.reports_a_loss(replica, archives)) {
    missing_since_.erase({topology, replica});
    return false;
  }
  const auto since = missing_since_.try_emplace({topology, replica}, work.now).first->second;
  return work.now - since >= options_.lost_after;
}

void ReplicaRepair::keep(Work& work, const TopologyRow& row) {
  const auto& id = row.record.id();
  const auto& archives = row.archives;
  std::vector<std::string> counted, from;
  for (const auto& replica : row.record.blob_holders()) {
    if (lost(work, id, replica, archives)) continue;
    counted.push_back(replica);
    if (work.alive.contains(replica)) from.push_back(replica);
  }
  bool grown = false;
  // Copied here, one after the other; there are few.
  std::vector<std::string> arrived;
  for (auto at = arrived_.lower_bound({id, ""}); at != arrived_.end() && at->first == id; ++at)
    if (work.alive.contains(at->second)) arrived.push_back(at->second);
  for (const auto& zhost : arrived) {
    if (std::find(counted.begin(), counted.end(), zhost) != counted.end()) {
      arrived_.erase({id, zhost});  // the row says so by now
      continue;
    }
    counted.push_back(zhost);
    grown = true;
  }
  if (grown && work.plan.changes.size() < options_.changes_max) {
    auto next = row.record;
    std::sort(counted.begin(), counted.end());
    next.mutable_blob_holders()->Assign(counted.begin(), counted.end());
    next.set_updated(work.view.now_text);
    work.plan.changes.push_back(change_of(row, std::move(next)));
  }
  // Those that fetch now will hold it; a suspect or silent replica is waited for, not replaced.
  std::size_t coming = 0;
  for (auto at = under_way_.lower_bound({id, ""}); at != under_way_.end() && at->first == id; ++at)
    ++coming;
  const auto wanted = std::min(ReplicaPlan::copies, work.alive.size());
  if (counted.size() + coming >= wanted) return;
  // After an update no zhost may have all of them: each archive comes from one that has it.
  for (const auto& zhost : work.alive)
    if (from.size() < sources_max && work.held_by(zhost, archives) > 0 &&
        std::find(from.begin(), from.end(), zhost) == from.end())
      from.push_back(zhost);
  if (from.empty()) return;
  std::vector<std::pair<std::size_t, std::string>> targets;  // how many archives it has
  for (const auto& zhost : work.alive) {
    const auto failed = failed_at_.find({id, zhost});
    if (std::find(counted.begin(), counted.end(), zhost) != counted.end() ||
        under_way_.contains({id, zhost}) ||
        (failed != failed_at_.end() && work.now - failed->second < options_.retry_after))
      continue;
    targets.emplace_back(work.held_by(zhost, archives), zhost);
  }
  // A zhost that has most of them fetches the least.
  std::stable_sort(targets.begin(), targets.end(),
                   [](const auto& one, const auto& other) { return one.first > other.first; });
  for (const auto& [has, target] : targets) {
    if (counted.size() + coming >= wanted || under_way_.size() >= options_.copies_max) return;
    under_way_.insert({id, target});
    work.plan.copies.push_back({id, target, archives, from});
    ++coming;
  }
}

void ReplicaRepair::forget_gone(const Records& records) {
  const auto gone = [&](const Key& key) { return records.topology(key.first) == nullptr; };
  std::erase_if(missing_since_, [&](const auto& entry) { return gone(entry.first); });
  std::erase_if(failed_at_, [&](const auto& entry) { return gone(entry.first); });
  std::erase_if(arrived_, gone);
}

ReplicaRepair::Plan ReplicaRepair::plan(const Reconciler::View& view, stdx::Instant now) {
  Work work{.view = view, .now = now, .alive = {}, .plan = {}};
  for (const auto& member : view.members)
    if (view.cluster.life(member.zhost_id()) == ClusterManager::Life::alive &&
        !view.recovery.unavailable(member.zhost_id()))
      work.alive.insert(member.zhost_id());
  for (const auto& [id, row] : view.records.topologies())
    if (row.record.desired() != v1::DESIRED_DELETED) keep(work, row);
  forget_gone(view.records);
  return std::move(work.plan);
}

void ReplicaRepair::copied(const Copy& copy, bool good, stdx::Instant now) {
  const Key key{copy.topology, copy.target};
  if (under_way_.erase(key) == 0) return;  // of a former leadership session
  if (good)
    arrived_.insert(key);
  else
    failed_at_[key] = now;
}

}  // namespace zrms
