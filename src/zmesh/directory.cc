// SPDX-License-Identifier: Apache-2.0
#include "zmesh/directory.h"

#include <algorithm>
#include <set>

#include "stdx/encoding.h"
#include "stdx/plant.h"
#include "stdx/text.h"

namespace zmesh {

using stdx::Code;

namespace {
std::array<char, 16> bytes_of(const std::string& uuid) {
  std::array<char, 16> bytes;
  const auto text = stdx::uuid_to_bytes(uuid);
  std::copy(text.begin(), text.end(), bytes.begin());
  return bytes;
}
}  // namespace

bool Directory::put(const v1::DirectoryEntry& entry) {
  const Name name{entry.topology_id(), entry.space()};
  auto& known = entries_[name];
  if (entry.epoch() < known.epoch()) return false;
  if (known.SerializeAsString() == entry.SerializeAsString()) return false;
  known = entry;
  by_index_[{bytes_of(entry.topology_id()), entry.space_index()}] = name;
  return true;
}

bool Directory::erase(const Name& name) {
  const auto at = entries_.find(name);
  if (at == entries_.end()) return false;
  by_index_.erase({bytes_of(name.first), at->second.space_index()});
  entries_.erase(at);
  return true;
}

stdx::Result<std::size_t> Directory::apply(const v1::DirectoryUpdate& update) {
  if (update.term() < term_)
    return stdx::fail(Code::stale, stdx::format("directory of term {} after one of term {}",
                                                update.term(), term_));
  // A zmesh that started anew knows nothing that a change could change: it is told the whole.
  if (!update.complete() && update.term() != term_ && !PLANTED(P10_whole))
    return stdx::fail(Code::stale, "a change of a directory that was not told whole");
  if (update.term() == term_ && update.sequence() < sequence_)
    return stdx::fail(Code::stale, "a directory update came after a newer one");
  for (const auto& entry : update.entries())
    if (!stdx::is_uuid(entry.topology_id()) || entry.space().empty())
      return stdx::fail(Code::invalid, "a directory entry names no space");
  if (entries_.size() + static_cast<std::size_t>(update.entries_size()) > entries_max &&
      !update.complete())
    return stdx::fail(Code::full, stdx::format("the directory holds {} spaces", entries_.size()));
  term_ = update.term();
  leader_ = update.leader();
  sequence_ = update.sequence();
  std::size_t changed = 0;
  if (update.complete()) {
    std::set<Name> named;
    for (const auto& entry : update.entries())
      if (!entry.removed()) named.insert({entry.topology_id(), entry.space()});
    std::vector<Name> gone;
    for (const auto& [name, entry] : entries_)
      if (!named.contains(name)) gone.push_back(name);
    for (const auto& name : gone) changed += erase(name);
  }
  for (const auto& entry : update.entries())
    changed += entry.removed() ? erase({entry.topology_id(), entry.space()}) : put(entry);
  return changed;
}

const v1::DirectoryEntry* Directory::find(const std::array<char, 16>& topology,
                                          std::uint32_t space) const {
  const auto at = by_index_.find({topology, space});
  return at == by_index_.end() ? nullptr : &entries_.at(at->second);
}

const v1::DirectoryEntry* Directory::find(const std::string& topology,
                                          const std::string& space) const {
  const auto at = entries_.find({topology, space});
  return at == entries_.end() ? nullptr : &at->second;
}

std::vector<v1::DirectoryEntry> Directory::peers_of(const std::string& zhost) const {
  std::set<std::string> topologies;
  for (const auto& [name, entry] : entries_)
    if (entry.zhost() == zhost) topologies.insert(name.first);
  std::vector<v1::DirectoryEntry> list;
  for (const auto& [name, entry] : entries_)
    if (topologies.contains(name.first)) list.push_back(entry);
  return list;
}

std::vector<v1::DirectoryEntry> Directory::all() const {
  std::vector<v1::DirectoryEntry> list;
  for (const auto& [name, entry] : entries_) list.push_back(entry);
  return list;
}

}  // namespace zmesh
