// SPDX-License-Identifier: Apache-2.0
#include "zmesh/directory.h"

#include <algorithm>
#include <set>

#include "model/page_host.h"
#include "stdx/encoding.h"
#include "stdx/near_miss.h"
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
  if (!known.space().empty()) {
    const bool same = known.space_index() == entry.space_index() &&
                      known.zhost() == entry.zhost() && known.epoch() == entry.epoch() &&
                      known.incarnation() == entry.incarnation() &&
                      known.running() == entry.running() && known.topology() == entry.topology() &&
                      known.ingress() == entry.ingress() && known.route() == entry.route() &&
                      known.page() == entry.page();
    if (same) return false;
    erase(name);
  }
  entries_[name] = entry;
  by_index_[{bytes_of(entry.topology_id()), entry.space_index()}] = name;
  by_space_.insert({entry.space(), entry.topology_id()});
  if (!entry.topology().empty())
    by_topology_[{entry.topology(), entry.space()}] = entry.topology_id();
  if (!entry.route().empty()) by_route_[entry.route()].insert(name);
  if (entry.page()) by_page_[model::page_labels(entry.topology(), entry.space())].insert(name);
  ++parts_[entry.topology_id()][entry.zhost()];
  return true;
}

bool Directory::erase(const Name& name) {
  const auto at = entries_.find(name);
  if (at == entries_.end()) return false;
  const auto& entry = at->second;
  const auto index = by_index_.find({bytes_of(name.first), entry.space_index()});
  if (index != by_index_.end() && index->second == name) by_index_.erase(index);
  by_space_.erase({name.second, name.first});
  if (const auto route = by_route_.find(entry.route()); route != by_route_.end()) {
    route->second.erase(name);
    if (route->second.empty()) by_route_.erase(route);
  }
  if (entry.page()) {
    const auto page = by_page_.find(model::page_labels(entry.topology(), entry.space()));
    if (page != by_page_.end() && page->second.erase(name) > 0 && page->second.empty())
      by_page_.erase(page);
  }
  const auto named = by_topology_.find({entry.topology(), name.second});
  if (named != by_topology_.end() && named->second == name.first) by_topology_.erase(named);
  auto& parts = parts_[name.first];
  if (--parts[entry.zhost()] == 0) parts.erase(entry.zhost());
  if (parts.empty()) parts_.erase(name.first);
  entries_.erase(at);
  return true;
}

stdx::Status Directory::check(const v1::DirectoryUpdate& update) const {
  if (update.term() < term_ || update.term() < coming_.term)
    return stdx::fail(Code::stale, stdx::format("directory of term {} after one of term {}",
                                                update.term(), std::max(term_, coming_.term)));
  for (const auto& entry : update.entries())
    if (!stdx::is_uuid(entry.topology_id()) || entry.space().empty())
      return stdx::fail(Code::invalid, "a directory entry names no space");
  if (update.part() > 0) {
    // Where its answer was lost the last part comes again, or one in its place.
    const bool fits = update.part() == 1 ||
                      (update.term() == coming_.term && coming_.part > 0 &&
                       (update.part() == coming_.part || update.part() == coming_.part + 1));
    if (!fits) return stdx::fail(Code::stale, "a part of a directory whose beginning is not known");
    return {};
  }
  // A zmesh that started anew knows nothing that a change could change: it is told the whole.
  if (update.term() != term_ && !PLANTED(P10_whole))
    return stdx::fail(Code::stale, "a change of a directory that was not told whole");
  if (update.term() == term_ && (update.sequence() < sequence_ || update.base() > sequence_))
    return stdx::fail(Code::stale, "a directory update that does not follow what is known");
  return {};
}

stdx::Result<std::vector<Directory::Name>> Directory::apply(const v1::DirectoryUpdate& update) {
  TRY(check(update));
  if (update.part() > 0) return take_part(update);
  if (entries_.size() + static_cast<std::size_t>(update.entries_size()) > entries_max)
    return stdx::fail(Code::full, stdx::format("the directory holds {} spaces", entries_.size()));
  return change(update);
}

std::vector<Directory::Name> Directory::change(const v1::DirectoryUpdate& update) {
  term_ = update.term();
  leader_ = update.leader();
  sequence_ = update.sequence();
  std::vector<Name> changed;
  for (const auto& entry : update.entries()) {
    Name name{entry.topology_id(), entry.space()};
    if (entry.removed() ? erase(name) : put(entry)) changed.push_back(std::move(name));
  }
  return changed;
}

stdx::Result<std::vector<Directory::Name>> Directory::take_part(const v1::DirectoryUpdate& update) {
  if (update.part() == 1) coming_ = {};
  if (coming_.entries.size() + static_cast<std::size_t>(update.entries_size()) > entries_max)
    return stdx::fail(Code::full,
                      stdx::format("the directory holds {} spaces", coming_.entries.size()));
  coming_.term = update.term();
  coming_.part = update.part();
  // The whole is here already: what comes again, with what changed since, changes it.
  if (coming_.done) return change(update);
  for (const auto& entry : update.entries()) {
    const Name name{entry.topology_id(), entry.space()};
    if (entry.removed())
      coming_.entries.erase(name);
    else if (auto& known = coming_.entries[name]; entry.epoch() >= known.epoch())
      known = entry;
  }
  if (!update.complete()) return std::vector<Name>();
  term_ = update.term();
  leader_ = update.leader();
  sequence_ = update.sequence();
  coming_.done = true;
  return replace(std::exchange(coming_.entries, {}));
}

std::vector<Directory::Name> Directory::replace(std::map<Name, v1::DirectoryEntry> entries) {
  std::vector<Name> changed;
  std::vector<Name> gone;
  for (const auto& [name, entry] : entries_)
    if (!entries.contains(name)) gone.push_back(name);
  for (auto& name : gone)
    if (erase(name)) changed.push_back(std::move(name));
  for (auto& [name, entry] : entries)
    if (put(entry)) changed.push_back(name);
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

const v1::DirectoryEntry* Directory::find_door(const std::string& topology,
                                               const std::string& space) const {
  if (const auto* entry = find(topology, space)) return entry;
  const auto at = by_topology_.find({topology, space});
  if (at != by_topology_.end()) return find(at->second, space);
  // Another door of that topology tells its id.
  const auto other = by_topology_.lower_bound({topology, ""});
  if (other == by_topology_.end() || other->first.first != topology) return nullptr;
  return find(other->second, space);
}

const v1::DirectoryEntry* Directory::find_route(const std::string& route) const {
  const auto at = by_route_.find(route);
  return at == by_route_.end() ? nullptr : &entries_.at(*at->second.begin());
}

const v1::DirectoryEntry* Directory::find_page(const std::string& labels) const {
  const auto at = by_page_.find(labels);
  return at == by_page_.end() ? nullptr : &entries_.at(*at->second.begin());
}

bool Directory::has_part(const std::string& topology, const std::string& zhost) const {
  const auto at = parts_.find(topology);
  return at != parts_.end() && at->second.contains(zhost);
}

std::vector<std::string> Directory::zhosts_of(const std::string& topology) const {
  std::vector<std::string> list;
  if (const auto at = parts_.find(topology); at != parts_.end())
    for (const auto& [zhost, spaces] : at->second) list.push_back(zhost);
  return list;
}

std::vector<v1::DirectoryEntry> Directory::of_topology(const std::string& topology) const {
  std::vector<v1::DirectoryEntry> list;
  for (auto at = entries_.lower_bound({topology, ""});
       at != entries_.end() && at->first.first == topology; ++at)
    list.push_back(at->second);
  return list;
}

std::vector<v1::DirectoryEntry> Directory::peers_of(const std::string& zhost) const {
  std::vector<v1::DirectoryEntry> list;
  for (const auto& [topology, zhosts] : parts_)
    if (zhosts.contains(zhost))
      for (auto& entry : of_topology(topology)) list.push_back(std::move(entry));
  return list;
}

namespace {

bool is_of(const std::string& id, const std::string& topology) {
  constexpr std::size_t prefix_min = 4;
  return topology.empty() || id == topology ||
         (topology.size() >= prefix_min && id.starts_with(topology));
}

}  // namespace

std::vector<v1::DirectoryEntry> Directory::named(const std::string& space,
                                                 const std::string& topology) const {
  std::vector<v1::DirectoryEntry> list;
  for (auto at = by_space_.lower_bound({space, ""}); at != by_space_.end() && at->first == space;
       ++at)
    if (is_of(at->second, topology)) list.push_back(entries_.at({at->second, space}));
  return list;
}

std::string Directory::near_miss(const std::string& space, const std::string& topology) const {
  constexpr std::size_t looked_at_max = 100'000;
  stdx::NearMiss miss(space);
  std::size_t looked_at = 0;
  for (const auto& [name, id] : by_space_) {
    if (++looked_at > looked_at_max) break;
    if (is_of(id, topology)) miss.consider(name);
  }
  return miss.hint();
}

std::vector<v1::DirectoryEntry> Directory::all() const {
  std::vector<v1::DirectoryEntry> list;
  for (const auto& [name, entry] : entries_) list.push_back(entry);
  return list;
}

}  // namespace zmesh
