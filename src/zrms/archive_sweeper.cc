// SPDX-License-Identifier: Apache-2.0
#include "zrms/archive_sweeper.h"

namespace zrms {

std::vector<ArchiveSweeper::Drop> ArchiveSweeper::plan(const Reconciler::View& view,
                                                       stdx::Instant now) {
  std::set<std::string> wanted;
  for (const auto& [id, row] : view.records.topologies())
    for (auto& archive : archives_of(row.record.spec(), row.record.mex_sha256()))
      wanted.insert(std::move(archive));
  std::set<std::string> unused;
  std::vector<Drop> drops;
  for (const auto& [zhost, known] : view.cluster.zhosts()) {
    if (!known.reported || known.life != ClusterManager::Life::alive) continue;
    Drop drop{zhost, {}};
    for (const auto& archive : known.report.blobs()) {
      if (wanted.contains(archive)) continue;
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
  std::erase_if(unused_since_, [&](const auto& entry) { return !unused.contains(entry.first); });
  std::erase_if(asked_at_, [&](const auto& entry) { return !unused.contains(entry.first.second); });
  return drops;
}

}  // namespace zrms
