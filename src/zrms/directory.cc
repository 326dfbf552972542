// SPDX-License-Identifier: Apache-2.0
#include "zrms/directory.h"

namespace zrms {

void DirectorySender::restart(std::uint64_t term, std::string leader) {
  term_ = term;
  leader_ = std::move(leader);
  readers_.clear();
  entries_.clear();
  ++sequence_;
}

void DirectorySender::update(const Records& records) {
  const auto next = sequence_ + 1;
  bool changed = false;
  for (const auto& [key, row] : records.spaces()) {
    v1::DirectoryEntry entry;
    entry.set_topology_id(key.first);
    entry.set_space(key.second);
    const auto* topology = records.topology(key.first);
    if (topology == nullptr) continue;
    std::uint32_t index = 0;
    for (const auto& space : topology->spec.spaces) {
      if (space.name == key.second) break;
      ++index;
    }
    entry.set_space_index(index);
    entry.set_zhost(row.record.zhost());
    entry.set_incarnation(row.record.incarnation());
    entry.set_epoch(row.record.epoch());
    entry.set_running(row.record.state() == "running");
    entry.set_removed(row.record.tombstone());
    auto& known = entries_[key];
    if (known.second != 0 && known.first.SerializeAsString() == entry.SerializeAsString()) continue;
    known = {std::move(entry), next};
    changed = true;
  }
  for (auto& [key, known] : entries_) {
    if (known.first.removed() || records.spaces().contains(key)) continue;
    known.first.set_removed(true);
    known.second = next;
    changed = true;
  }
  if (changed) sequence_ = next;
}

std::optional<v1::DirectoryUpdate> DirectorySender::next(const std::string& zhost,
                                                         std::uint64_t incarnation) {
  auto& reader = readers_[zhost];
  if (reader.incarnation != incarnation) reader = {.incarnation = incarnation};
  if (reader.awaited != 0 || reader.knows == sequence_) return std::nullopt;
  v1::DirectoryUpdate update;
  update.set_term(term_);
  update.set_leader(leader_);
  update.set_sequence(sequence_);
  update.set_complete(reader.knows == 0);
  for (const auto& [key, known] : entries_)
    if (known.second > reader.knows) *update.add_entries() = known.first;
  reader.awaited = sequence_;
  return update;
}

void DirectorySender::answered(const std::string& zhost, bool good) {
  auto& reader = readers_[zhost];
  reader.knows = good ? reader.awaited : 0;
  reader.awaited = 0;
}

}  // namespace zrms
