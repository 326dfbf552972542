// SPDX-License-Identifier: Apache-2.0
#include "zrms/directory.h"
#include "wire/states.h"

#include <algorithm>

namespace zrms {

void DirectorySender::restart(std::uint64_t term, std::string leader) {
  term_ = term;
  leader_ = std::move(leader);
  readers_.clear();
  entries_.clear();
  by_change_.clear();
  gone_.clear();
  read_ = 0;
  under_way_bytes_ = 0;
  ++sequence_;
}

void DirectorySender::changed(const Records::Key& key, Entry& entry) {
  if (entry.changed_at != 0) {
    by_change_.erase(entry.changed_at);
    gone_.erase(entry.changed_at);
  }
  entry.changed_at = ++sequence_;
  by_change_[entry.changed_at] = key;
  if (entry.gone) gone_.insert(entry.changed_at);
}

namespace {

bool gone_for_all(const v1::SpaceRecord& record) {
  return record.tombstone() || wire::state_of(record) == wire::SpaceRowState::removed;
}

// Only a space that people reach from outside is found by the name of its topology.
void note_doors(v1::DirectoryEntry& entry, const model::Topology& topology, int space) {
  const auto* spec = space < 0 ? nullptr : &topology.spaces[static_cast<std::size_t>(space)];
  const bool is_page = spec != nullptr && spec->type == model::SpaceType::ui;
  const bool has_door = is_page || (spec != nullptr && (spec->ingress || !spec->route.empty()));
  entry.set_topology(has_door ? topology.name : "");
  entry.set_ingress(has_door && spec->ingress);
  entry.set_route(has_door ? spec->route : "");
  entry.set_page(is_page);
}

bool has_doors(const v1::DirectoryEntry& entry, const model::Topology& topology, int space) {
  v1::DirectoryEntry as_declared;
  note_doors(as_declared, topology, space);
  return entry.topology() == as_declared.topology() && entry.ingress() == as_declared.ingress() &&
         entry.route() == as_declared.route() && entry.page() == as_declared.page();
}

}  // namespace

void DirectorySender::note(const Records& records, const Records::Key& key) {
  if (key.second.empty()) return;
  const auto* row = records.space(key.first, key.second);
  const auto* topology = records.topology(key.first);
  const auto at = entries_.find(key);
  if (row == nullptr || topology == nullptr) {
    if (row != nullptr || at == entries_.end() || at->second.gone) return;
    auto& known = at->second;
    known.gone = true;
    known.entry.set_removed(true);
    changed(key, known);
    return;
  }
  const auto& record = row->record;
  const int index = topology->index().find(key.second);
  const auto space_index = static_cast<std::uint32_t>(
      index < 0 ? static_cast<int>(topology->spec().spaces.size()) : index);
  auto& known = entries_[key];
  auto& entry = known.entry;
  if (known.changed_at != 0 && !known.gone && entry.space_index() == space_index &&
      entry.zhost() == record.zhost() && entry.incarnation() == record.incarnation() &&
      entry.epoch() == record.epoch() &&
      entry.running() == (wire::state_of(record) == wire::SpaceRowState::running) &&
      entry.removed() == gone_for_all(record) && has_doors(entry, topology->spec(), index))
    return;
  entry.set_topology_id(key.first);
  entry.set_space(key.second);
  entry.set_space_index(space_index);
  entry.set_zhost(record.zhost());
  entry.set_incarnation(record.incarnation());
  entry.set_epoch(record.epoch());
  entry.set_running(wire::state_of(record) == wire::SpaceRowState::running);
  entry.set_removed(gone_for_all(record));
  note_doors(entry, topology->spec(), index);
  known.gone = false;
  changed(key, known);
}

void DirectorySender::update(const Records& records) {
  const bool told =
      records.changes().read(read_, [&](const Records::Key& key) { note(records, key); });
  if (!told) {
    for (const auto& [key, row] : records.spaces()) note(records, key);
    std::vector<Records::Key> gone;
    for (const auto& [key, known] : entries_)
      if (!known.gone && !records.spaces().contains(key)) gone.push_back(key);
    for (const auto& key : gone) note(records, key);
  }
  forget_gone();
}

// What every reader was told, or will not miss because it is told the whole, need not be kept.
void DirectorySender::forget_gone() {
  if (gone_.empty()) return;
  auto told = sequence_;
  for (const auto& [zhost, reader] : readers_) {
    const bool knows_nothing = reader.whole && reader.knows == 0 && reader.awaited == 0;
    if (!knows_nothing) told = std::min(told, reader.knows);
  }
  while (!gone_.empty() && *gone_.begin() <= told) {
    const auto at = by_change_.find(*gone_.begin());
    entries_.erase(at->second);
    by_change_.erase(at);
    gone_.erase(gone_.begin());
  }
}

void DirectorySender::reader(const std::string& zhost, std::uint64_t incarnation) {
  auto& reader = readers_[zhost];
  if (reader.incarnation != incarnation) reader = {.incarnation = incarnation};
}

void DirectorySender::forget(const std::string& zhost) {
  readers_.erase(zhost);
}

std::optional<DirectorySender::Part> DirectorySender::next() {
  if (readers_.empty() || under_way_bytes_ + part_bytes_max > bytes_max) return std::nullopt;
  auto at = readers_.upper_bound(last_served_);
  for (std::size_t n = 0; n < readers_.size(); ++n, ++at) {
    if (at == readers_.end()) at = readers_.begin();
    auto& [zhost, reader] = *at;
    if (reader.awaited != 0 || (!reader.whole && reader.knows == sequence_)) continue;
    last_served_ = zhost;
    return part_for(zhost, reader);
  }
  return std::nullopt;
}

DirectorySender::Part DirectorySender::part_for(const std::string& zhost, Reader& reader) {
  Part part;
  part.zhost = zhost;
  auto& update = part.update;
  update.set_term(term_);
  update.set_leader(leader_);
  auto at = by_change_.upper_bound(reader.knows);
  auto upto = reader.knows;
  for (; at != by_change_.end() && part.bytes < part_bytes_max; ++at) {
    const auto& known = entries_.at(at->second);
    upto = at->first;
    // Of a whole nothing is taken away, but what a former part of it named.
    if (known.entry.removed() && reader.whole && reader.parts == 0) continue;
    *update.add_entries() = known.entry;
    part.bytes += known.entry.ByteSizeLong() + 4;
  }
  const bool all = at == by_change_.end();
  if (all) upto = sequence_;
  update.set_sequence(upto);
  if (reader.whole)
    update.set_part(reader.parts + 1);
  else
    update.set_base(reader.knows);
  update.set_complete(reader.whole && all);
  reader.awaited = upto;
  reader.last = all;
  under_way_bytes_ += part.bytes;
  return part;
}

void DirectorySender::answered(const std::string& zhost, std::size_t bytes, Answer answer) {
  under_way_bytes_ -= std::min(under_way_bytes_, bytes);
  const auto at = readers_.find(zhost);
  if (at == readers_.end() || at->second.awaited == 0) return;
  auto& reader = at->second;
  switch (answer) {
    case Answer::taken:
      reader.knows = reader.awaited;
      if (reader.whole) ++reader.parts;
      if (reader.last) reader.whole = false;
      break;
    case Answer::refused:
      reader = {.incarnation = reader.incarnation};
      break;
    case Answer::lost:
      break;  // the same again
  }
  reader.awaited = 0;
}

}  // namespace zrms
