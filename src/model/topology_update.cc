// SPDX-License-Identifier: Apache-2.0
#include "model/topology_update.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>

#include "model/near_space.h"
#include "stdx/text.h"

namespace model {
namespace {

using stdx::Code;
using stdx::format;

// FNV-1a over fields with their lengths, then mixed: one value for the life of the records.
class Hash {
 public:
  void add(std::string_view text) {
    add(text.size());
    for (const char c : text) byte(static_cast<unsigned char>(c));
  }
  void add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) byte((number >> shift) & 0xff);
  }
  template <typename List>
  void add_all(const List& list) {
    add(list.size());
    for (const auto& item : list) add(item);
  }
  void add_all(const std::map<std::string, std::string>& map) {
    add(map.size());
    for (const auto& [name, value] : map) {
      add(name);
      add(value);
    }
  }
  std::uint64_t value() const {
    auto mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ull;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebull;
    mixed ^= mixed >> 31;
    return mixed == 0 ? 1 : mixed;
  }

 private:
  void byte(std::uint64_t value) { state_ = (state_ ^ value) * 0x100000001b3ull; }
  std::uint64_t state_ = 0xcbf29ce484222325ull;
};

void add_limits(Hash& hash, const SpaceLimits& limits) {
  for (const std::uint64_t value :
       {limits.memory_bytes, std::uint64_t{limits.mailbox_messages}, limits.mailbox_bytes,
        std::uint64_t{limits.on_init_deadline_ms}, std::uint64_t{limits.on_process_watchdog_ms},
        std::uint64_t{limits.on_close_deadline_ms}, limits.log_bytes_per_second, limits.data_bytes})
    hash.add(value);
}

void add_placement(Hash& hash, const PlacementRules& rules) {
  hash.add_all(rules.anti_affinity);
  hash.add_all(rules.prefer_apart);
  hash.add_all(rules.affinity);
  hash.add(rules.region);
  hash.add_all(rules.labels);
  hash.add_all(rules.devices);
}

Hash hash_of(const Space& space) {
  Hash hash;
  hash.add(space.content.empty() ? space.mex_sha256 : space.content);
  hash.add(space.entry);
  hash.add(to_string(space.type));
  hash.add_all(space.capabilities);
  hash.add(space.path);
  add_limits(hash, space.limits);
  add_placement(hash, space.placement);
  hash.add(static_cast<std::uint64_t>(space.store));
  hash.add_all(space.config);
  hash.add(format("{}", space.cpu_share));
  hash.add(static_cast<std::uint64_t>(space.idle));
  hash.add_all(space.endpoints);
  // Added only where they are set: the definitions in records of former versions stay the same.
  if (space.ingress) hash.add("ingress");
  if (!space.route.empty()) hash.add("route" + space.route);
  return hash;
}

// What makes it the same path in another version.
using Ends = std::tuple<std::string_view, std::string_view, std::string_view, Delivery>;
Ends ends_of(const Path& path) {
  return {path.name, path.from, path.to, path.delivery};
}

// What a person is told of a space that differs. Its module where nothing else does: of the former
// version only the definition is known.
std::vector<std::string> differences(const Space& now, const Space& next) {
  std::vector<std::string> what;
  const auto note = [&](bool same, const char* name) {
    if (!same) what.emplace_back(name);
  };
  note(now.type == next.type, "type");
  note(now.capabilities == next.capabilities, "capabilities");
  note(now.limits == next.limits, "limits");
  note(now.placement == next.placement, "placement");
  note(now.store == next.store && now.path == next.path, "store");
  note(now.config == next.config, "config");
  note(now.cpu_share == next.cpu_share && now.idle == next.idle && now.endpoints == next.endpoints,
       "resources");
  note(now.ingress == next.ingress && now.route == next.route, "ingress");
  return what;
}

// Of each space, as texts; they are part of its definition, so they stay as they are.
using PathsOf = std::unordered_map<std::string_view, std::vector<std::string>>;
PathsOf paths_of(const Topology& topology) {
  PathsOf paths;
  paths.reserve(topology.spaces.size());
  for (const auto& path : topology.paths) {
    if (path.removed) continue;
    auto text = format("{}\n{}\n{}\n{}\n{}", path.name, path.from, path.to,
                       static_cast<int>(path.delivery), path.max_deliveries);
    // As in hash_of: nothing where they are not set.
    if (!path.out.empty() || !path.in.empty()) text += format("\n{}\n{}", path.out, path.in);
    if (path.to != path.from) paths[path.to].push_back(text);
    paths[path.from].push_back(std::move(text));
  }
  for (auto& [space, list] : paths) std::sort(list.begin(), list.end());
  return paths;
}

const std::vector<std::string>& of(const PathsOf& paths, std::string_view space) {
  static const std::vector<std::string> none;
  const auto at = paths.find(space);
  return at == paths.end() ? none : at->second;
}

void remove(Space& space) {
  Space left;
  left.name = space.name;
  left.type = space.type;
  left.store = space.store;
  left.removed = true;
  space = std::move(left);
}

// `next` in the places of `now`; gives which of `next` are new there.
std::vector<SpaceChange> place_spaces(const Topology& now, Topology& next,
                                      std::vector<Space>& out) {
  std::vector<SpaceChange> changes;
  std::optional<PathsOf> before, after;  // only where something differs
  std::map<std::string_view, Space*> wanted;
  for (auto& space : next.spaces) wanted.emplace_hint(wanted.end(), space.name, &space);
  out.reserve(now.spaces.size() + next.spaces.size());
  std::vector<std::pair<Space*, Space*>> taken;
  taken.reserve(next.spaces.size());
  for (const auto& former : now.spaces) {
    const auto at = wanted.find(former.name);
    if (at != wanted.end()) {
      out.emplace_back();
    } else {
      out.push_back(former);
      if (former.removed) continue;
      changes.push_back({SpaceChange::Kind::removed, former.name, {}});
      remove(out.back());
      continue;
    }
    auto& space = *at->second;
    space.restarts_asked = former.restarts_asked;
    if (former.removed) {
      changes.push_back({SpaceChange::Kind::added, space.name, {}});
    } else if (former.definition != space.definition) {
      auto what = differences(former, space);
      if (!before) {
        before = paths_of(now);
        after = paths_of(next);
      }
      if (of(*before, space.name) != of(*after, space.name)) what.emplace_back("paths");
      if (what.empty()) what.emplace_back("module");
      changes.push_back({SpaceChange::Kind::changed, space.name, std::move(what)});
    }
    taken.emplace_back(&out.back(), &space);
    wanted.erase(at);
  }
  for (const auto& [name, space] : wanted) {
    changes.push_back({SpaceChange::Kind::added, space->name, {}});
    taken.emplace_back(&out.emplace_back(), space);
  }
  // Last: `wanted` and the paths look at the names of `next`.
  for (const auto& [to, from] : taken) *to = std::move(*from);
  std::sort(changes.begin(), changes.end(),
            [](const SpaceChange& a, const SpaceChange& b) { return a.space < b.space; });
  return changes;
}

std::vector<Path> place_paths(const Topology& now, const Topology& next) {
  std::vector<Path> out;
  std::map<Ends, const Path*> wanted;
  for (const auto& path : next.paths) wanted.emplace_hint(wanted.end(), ends_of(path), &path);
  for (const auto& former : now.paths) {
    out.push_back(former);
    const auto at = wanted.find(ends_of(former));
    out.back().removed = at == wanted.end();
    if (at == wanted.end()) continue;
    out.back() = *at->second;
    wanted.erase(at);
  }
  for (const auto& path : next.paths)
    if (wanted.contains(ends_of(path))) out.push_back(path);
  return out;
}

// A space that was transactional (is_transactional) may have messages in its store.
stdx::Status stores_stay(const Topology& now, const Topology& next) {
  std::set<std::string_view> ends, keep;
  for (const auto& path : now.paths)
    if (path.delivery == Delivery::once)
      ends.insert({std::string_view(path.from), std::string_view(path.to)});
  if (ends.empty()) return {};
  for (const auto& space : now.spaces)
    if (space.store != StoreKind::none && ends.contains(space.name)) keep.insert(space.name);
  for (const auto& space : next.spaces)
    if (space.store == StoreKind::none && keep.contains(space.name))
      return stdx::fail(
          Code::invalid,
          format("space '{}' keeps messages in its store, since it has or had a path with delivery "
                 "'once': an update can't take the store away. Keep `store: local`, or give the "
                 "space another name",
                 space.name));
  return {};
}

}  // namespace

void define(Topology& topology) {
  const auto paths = paths_of(topology);
  for (auto& space : topology.spaces) {
    auto hash = hash_of(space);
    hash.add_all(of(paths, space.name));
    space.definition = hash.value();
  }
}

std::uint64_t mark_of(const Space& space) {
  return space.definition + space.restarts_asked * 0x9e3779b97f4a7c15ull;
}

stdx::Result<Updated> update(const Topology& now, Topology next) {
  if (next.name != now.name)
    return stdx::fail(Code::invalid,
                      format("topology '{}' can't be updated with '{}': an update has the name of "
                             "what it updates",
                             now.name, stdx::printable(next.name, 80)));
  if (const auto kept = stores_stay(now, next); !kept) return std::unexpected(kept.error());
  Updated updated;
  auto& topology = updated.topology;
  topology.name = next.name;
  topology.owner = next.owner;
  topology.version = now.version + 1;
  updated.changes = place_spaces(now, next, topology.spaces);
  topology.paths = place_paths(now, next);
  if (topology.spaces.size() > indices_max || topology.paths.size() > indices_max)
    return stdx::fail(
        Code::full, format("topology '{}' had too many spaces or paths in its life ({} and {}; {} "
                           "are allowed): delete it and submit it anew",
                           now.name, topology.spaces.size(), topology.paths.size(), indices_max));
  return updated;
}

stdx::Result<Updated> restart(const Topology& now, const std::vector<std::string>& spaces) {
  Updated updated{now, {}};
  ++updated.topology.version;
  std::size_t found = 0;
  for (auto& space : updated.topology.spaces) {
    const bool named = std::find(spaces.begin(), spaces.end(), space.name) != spaces.end();
    if (space.removed || (!spaces.empty() && !named)) continue;
    ++found;
    ++space.restarts_asked;
    updated.changes.push_back({SpaceChange::Kind::changed, space.name, {"restart"}});
  }
  if (found < spaces.size())
    for (const auto& name : spaces)
      if (std::none_of(updated.changes.begin(), updated.changes.end(),
                       [&](const SpaceChange& change) { return change.space == name; }))
        return stdx::fail(Code::not_found,
                          format("topology '{}' has no space '{}'{}", now.name,
                                 stdx::printable(name, 80), near_space(now, name)));
  return updated;
}

Topology without_removed(const Topology& topology) {
  auto left = topology;
  std::erase_if(left.spaces, [](const Space& space) { return space.removed; });
  std::erase_if(left.paths, [](const Path& path) { return path.removed; });
  normalize(left);
  return left;
}

const char* to_string(SpaceChange::Kind kind) {
  switch (kind) {
    case SpaceChange::Kind::added:
      return "added";
    case SpaceChange::Kind::changed:
      return "changed";
    case SpaceChange::Kind::removed:
      return "removed";
  }
  return "";
}

}  // namespace model
