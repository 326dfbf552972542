// SPDX-License-Identifier: Apache-2.0
#include "zrms/archive_gc.h"

namespace zrms {

std::vector<ArchiveGc::Drop> ArchiveGc::plan(const Reconciler::View& view, stdx::Instant now) {
  std::set<std::string> wanted;
  for (const auto& [id, row] : view.records.topologies())
    wanted.insert(row.archives.begin(), row.archives.end());
  referred_to_.insert(wanted.begin(), wanted.end());
  std::set<std::string> unused, reported;
  bool rows_are_missing = false;
  std::vector<Drop> drops;
  for (const auto& [zhost, known] : view.cluster.zhosts()) {
    if (!known.reported || known.life != ClusterManager::Life::alive) continue;
    if (heard_.emplace(zhost, known.incarnation).second)
      at_first_.insert(known.report.blobs().begin(), known.report.blobs().end());
    for (const auto& [key, space] : known.spaces)
      rows_are_missing = rows_are_missing || view.records.topology(key.first) == nullptr;
    Drop drop{zhost, {}};
    for (const auto& archive : known.report.blobs()) {
      reported.insert(archive);
      if (wanted.contains(archive) || !was_released(archive)) continue;
      unused.insert(archive);
      if (now - unused_since_.try_emplace(archive, now).first->second < options_.unused_for)
        continue;
      const auto asked = asked_at_.find({zhost, archive});
      if (asked != asked_at_.end() && now - asked->second < options_.retry_after) continue;
      if (drop.archives.size() >= archives_max) continue;
      asked_at_[{zhost, archive}] = now;
      drop.archives.push_back(archive);
    }
    if (!drop.archives.empty()) drops.push_back(std::move(drop));
  }
  std::erase_if(referred_to_, [&](const auto& archive) {
    return !reported.contains(archive) && !wanted.contains(archive);
  });
  forget_gone(view);
  if (rows_are_missing) {
    unused_since_.clear();
    asked_at_.clear();
    return {};
  }
  std::erase_if(unused_since_, [&](const auto& entry) { return !unused.contains(entry.first); });
  std::erase_if(asked_at_, [&](const auto& entry) { return !unused.contains(entry.first.second); });
  return drops;
}

// Only what no zhost that is known reports any more, dead ones included: one that comes back has it
// still, and was heard before.
void ArchiveGc::forget_gone(const Reconciler::View& view) {
  std::set<std::string> there;
  const auto& zhosts = view.cluster.zhosts();
  for (const auto& [zhost, known] : zhosts)
    there.insert(known.report.blobs().begin(), known.report.blobs().end());
  std::erase_if(at_first_, [&](const auto& archive) { return !there.contains(archive); });
  std::erase_if(heard_, [&](const auto& life) {
    const auto at = zhosts.find(life.first);
    return at == zhosts.end() || at->second.incarnation != life.second;
  });
}

}  // namespace zrms
