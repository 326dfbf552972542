// SPDX-License-Identifier: Apache-2.0
#include "zrms/directory.h"

#include <algorithm>

namespace zrms {

void DirectorySender::restart(std::uint64_t term, std::string leader) {
  term_ = term;
  leader_ = std::move(leader);
  readers_.clear();
  entries_.clear();
  ++sequence_;
}

void DirectorySender::update(const Records& records) {
  // No sequence stands for more than one part of entries, so that `next` can cut between them.
  auto next = sequence_ + 1;
  std::size_t in_part = 0;
  const auto note = [&](Entry& known) {
    if (in_part == part_max) {
      ++next;
      in_part = 0;
    }
    ++in_part;
    known.changed_at = next;
  };
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
    if (known.changed_at != 0 && !known.gone &&
        known.entry.SerializeAsString() == entry.SerializeAsString())
      continue;
    known.entry = std::move(entry);
    known.gone = false;
    note(known);
  }
  for (auto& [key, known] : entries_) {
    if (known.gone || records.spaces().contains(key)) continue;
    known.gone = true;
    if (known.entry.removed()) continue;  // everybody is told already
    known.entry.set_removed(true);
    note(known);
  }
  if (in_part > 0) sequence_ = next;
  forget_gone();
}

// What every reader was told, or will not miss because it is told the whole, need not be kept.
void DirectorySender::forget_gone() {
  auto told = sequence_;
  for (const auto& [zhost, reader] : readers_) {
    if (reader.knows != 0) told = std::min(told, reader.knows);
    // A first part is under way: what goes after it was cut is told in the next.
    if (reader.awaited != 0) told = std::min(told, reader.awaited);
  }
  std::erase_if(entries_,
                [&](const auto& e) { return e.second.gone && e.second.changed_at <= told; });
}

// A part of at most part_max entries. A whole directory that is larger begins with a part that
// says `complete`; the rest follows as changes of the same term.
std::optional<v1::DirectoryUpdate> DirectorySender::next(const std::string& zhost,
                                                         std::uint64_t incarnation) {
  auto& reader = readers_[zhost];
  if (reader.incarnation != incarnation) reader = {.incarnation = incarnation};
  if (reader.awaited != 0 || reader.knows == sequence_) return std::nullopt;
  std::map<std::uint64_t, std::size_t> by_sequence;
  for (const auto& [key, known] : entries_)
    if (known.changed_at > reader.knows) ++by_sequence[known.changed_at];
  auto upto = sequence_;
  std::size_t count = 0;
  for (const auto& [sequence, entries] : by_sequence) {
    if (count > 0 && count + entries > part_max) {
      upto = sequence - 1;
      break;
    }
    count += entries;
  }
  v1::DirectoryUpdate update;
  update.set_term(term_);
  update.set_leader(leader_);
  update.set_sequence(upto);
  update.set_complete(reader.knows == 0);
  for (const auto& [key, known] : entries_)
    if (known.changed_at > reader.knows && known.changed_at <= upto)
      *update.add_entries() = known.entry;
  reader.awaited = upto;
  return update;
}

void DirectorySender::answered(const std::string& zhost, bool good) {
  auto& reader = readers_[zhost];
  reader.knows = good ? reader.awaited : 0;
  reader.awaited = 0;
}

}  // namespace zrms
