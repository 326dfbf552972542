// SPDX-License-Identifier: Apache-2.0
#include "model/topology.h"

#include <algorithm>
#include <map>
#include <set>

#include "model/near_space.h"
#include "model/path_names.h"
#include "model/route.h"
#include "model/topology_index.h"
#include "stdx/near_miss.h"
#include "stdx/text.h"

namespace model {
namespace {

using stdx::format;

bool alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

class Findings {
 public:
  template <typename... Args>
  void add(fmt::format_string<Args...> text, Args&&... args) {
    lines.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
  // "; did you mean 'x'?" for a name that no space has; a search, so for the first findings alone.
  std::string near_space(const Topology& topology, std::string_view name) const {
    constexpr std::size_t hints_max = 5;
    if (lines.size() >= hints_max) return "";
    return model::near_space(topology, name);
  }

  std::vector<std::string> lines;
};

std::string near_capability(std::string_view name) {
  stdx::NearMiss miss(name);
  for (const auto& capability : capabilities()) miss.consider(capability.name);
  return miss.hint();
}

std::string allowed_to(SpaceType type) {
  std::string names;
  for (const auto& capability : capabilities())
    if (may_declare(type, capability))
      names += (names.empty() ? "" : ", ") + std::string(capability.name);
  return format("type {} may use {} (messages, time and sleep need no capability)", to_string(type),
                names);
}

void check_capabilities(const Space& space, Findings& findings) {
  for (const auto& name : space.capabilities) {
    const auto* capability = find_capability(name);
    if (capability == nullptr)
      findings.add("space '{}': capability '{}' does not exist{}; {}", space.name,
                   stdx::printable(name, 80), near_capability(name), allowed_to(space.type));
    else if (!may_declare(space.type, *capability))
      findings.add("space '{}': a space of type {} may not use '{}'; {}", space.name,
                   to_string(space.type), name, allowed_to(space.type));
  }
}

void check_limits(const Space& space, Findings& findings) {
  const auto& limits = space.limits;
  const auto between = [&](const char* what, std::uint64_t value, std::uint64_t low,
                           std::uint64_t high) {
    if (value < low || value > high)
      findings.add("space '{}': limits.{} is {}; it must be {} to {}", space.name, what, value, low,
                   high);
  };
  between("memory", limits.memory_bytes, 64u << 10, 4ull << 30);
  between("mailbox_messages", limits.mailbox_messages, 1, 1u << 20);
  between("mailbox_bytes", limits.mailbox_bytes, 1024, 1ull << 30);
  between("data", limits.data_bytes, 256u << 10, 1ull << 40);
  between("log_bytes_per_second", limits.log_bytes_per_second, 0, 4u << 20);
  between("on_init_deadline_ms", limits.on_init_deadline_ms, 1, 600'000);
  between("on_process_watchdog_ms", limits.on_process_watchdog_ms, 1, 600'000);
  between("on_close_deadline_ms", limits.on_close_deadline_ms, 1, 60'000);
}

void check_placement(const Space& space, Findings& findings) {
  constexpr double cpu_share_max = 64;
  const auto& region = space.placement.region;
  if (region.size() > name_bytes_max || stdx::printable(region, region.size() + 1) != region)
    findings.add(
        "space '{}': placement.region is '{}'; it must be at most {} bytes of text in one line",
        space.name, stdx::printable(region, 80), name_bytes_max);
  // Also what is no number at all.
  if (!(space.cpu_share >= 0 && space.cpu_share <= cpu_share_max))
    findings.add("space '{}': resources.cpu is {}; it must be 0 (as not given) to {}", space.name,
                 space.cpu_share, cpu_share_max);
}

// The guest reads it as its environment, NAME=value with a NUL behind each.
void check_config(const Space& space, Findings& findings) {
  constexpr std::size_t config_name_bytes_max = 255;
  for (const auto& [name, value] : space.config) {
    if (name.empty() || name.size() > config_name_bytes_max ||
        name.find('=') != std::string::npos || stdx::printable(name, name.size() + 1) != name)
      findings.add(
          "space '{}': config has the name '{}'; a name is 1 to {} bytes of text in one line, "
          "without '='",
          space.name, stdx::printable(name, 80), config_name_bytes_max);
    if (value.find('\0') != std::string::npos)
      findings.add(
          "space '{}': the value of config '{}' has a NUL byte, where the guest would "
          "see its end",
          space.name, stdx::printable(name, 80));
  }
}

void check_references(const Topology& topology, const Space& space, const TopologyIndex& index,
                      Findings& findings) {
  const auto all = [&](const char* what, const std::vector<std::string>& others) {
    for (const auto& other : others)
      if (index.find(other) < 0 || other == space.name)
        findings.add(
            "space '{}': placement.{} names '{}', which is no other space of topology '{}'{}",
            space.name, what, stdx::printable(other, 80), topology.name,
            other == space.name ? "" : findings.near_space(topology, other));
  };
  all("anti_affinity", space.placement.anti_affinity);
  all("prefer_apart", space.placement.prefer_apart);
  all("affinity", space.placement.affinity);
}

void check_path(const Topology& topology, const Path& path, const TopologyIndex& index,
                Findings& findings) {
  if (!is_name(path.name))
    findings.add("path '{}': not a valid name", stdx::printable(path.name, 80));
  if (index.find(path.from) < 0)
    findings.add("path '{}': from space '{}' does not exist{}", path.name,
                 stdx::printable(path.from, 80), findings.near_space(topology, path.from));
  if (index.find(path.to) < 0)
    findings.add("path '{}': to space '{}' does not exist{}", path.name,
                 stdx::printable(path.to, 80), findings.near_space(topology, path.to));
}

// A guest finds a path by what it calls it, and is told a path by what it calls that.
void check_local_names(const Topology& topology, Findings& findings) {
  std::set<std::pair<std::string, std::string>> outs, ins;
  const auto check = [&](const Path& path, const char* key, const std::string& space,
                         const std::string& name, auto& taken) {
    if (!is_name(name))
      findings.add("path '{}': {} '{}' is not a valid name", path.name, key,
                   stdx::printable(name, 80));
    if (!taken.insert({space, name}).second)
      findings.add("path '{}': space '{}' has another path with the {} '{}'", path.name, space, key,
                   stdx::printable(name, 80));
  };
  for (const auto& path : topology.paths) {
    check(path, "out", path.from, out_name(path), outs);
    check(path, "in", path.to, in_name(path), ins);
  }
}

void check_routes(const Topology& topology, Findings& findings) {
  std::map<std::string, std::string> routes;
  for (const auto& space : topology.spaces) {
    if (space.route.empty()) continue;
    if (space.type != SpaceType::call)
      findings.add("space '{}': http.route is for spaces of type CALL; it is of type {}",
                   space.name, to_string(space.type));
    if (const auto wrong = check_route(space.route); !wrong.empty())
      findings.add("space '{}': {}", space.name, wrong);
    if (const auto [first, is_first] = routes.try_emplace(space.route, space.name); !is_first)
      findings.add("space '{}': route '{}' is of space '{}' already", space.name, space.route,
                   first->second);
  }
}

void check_once(const Topology& topology, const Path& path, const TopologyIndex& index,
                Findings& findings) {
  if (path.delivery != Delivery::once) return;
  int ends[] = {index.find(path.from), index.find(path.to)};
  std::sort(std::begin(ends), std::end(ends));
  for (const int end : ends)
    if (end >= 0 && topology.spaces[static_cast<std::size_t>(end)].store == StoreKind::none)
      return findings.add(
          "path '{}': delivery 'once' needs a store at both ends; give '{}' store: local",
          path.name, topology.spaces[static_cast<std::size_t>(end)].name);
}

}  // namespace

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > name_bytes_max || !alphanumeric(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

void normalize(Topology& topology) {
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  std::stable_sort(topology.spaces.begin(), topology.spaces.end(), by_name);
  std::stable_sort(topology.paths.begin(), topology.paths.end(), by_name);
  for (auto& space : topology.spaces) {
    auto& list = space.capabilities;
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    if (space.type == SpaceType::data && space.store == StoreKind::none)
      space.store = StoreKind::local;
  }
}

bool is_transactional(const Topology& topology, std::size_t space) {
  const auto& self = topology.spaces[space];
  return self.store != StoreKind::none &&
         std::any_of(topology.paths.begin(), topology.paths.end(), [&](const Path& path) {
           return path.delivery == Delivery::once &&
                  (path.from == self.name || path.to == self.name);
         });
}

namespace {

void check_graph(const Topology& topology, const TopologyIndex& index, Findings& findings) {
  if (!is_name(topology.name))
    findings.add("metadata.name '{}' is not a valid name (letters, digits, '_', '.', '-'; 1 to {})",
                 stdx::printable(topology.name, 80), name_bytes_max);
  if (topology.spaces.empty()) findings.add("topology '{}' has no spaces", topology.name);
  if (topology.spaces.size() > spaces_max)
    findings.add("topology '{}' has {} spaces; {} are allowed", topology.name,
                 topology.spaces.size(), spaces_max);
  if (topology.paths.size() > paths_max)
    findings.add("topology '{}' has {} paths; {} are allowed", topology.name, topology.paths.size(),
                 paths_max);
  std::set<std::string> names;
  for (const auto& space : topology.spaces) {
    if (!is_name(space.name))
      findings.add("space '{}': not a valid name", stdx::printable(space.name, 80));
    if (!names.insert(space.name).second)
      findings.add("space '{}' is declared twice", stdx::printable(space.name, 80));
  }
  std::set<std::string> paths;
  for (const auto& path : topology.paths) {
    if (!paths.insert(path.name).second)
      findings.add("path '{}' is declared twice", stdx::printable(path.name, 80));
    check_path(topology, path, index, findings);
  }
  if (paths.size() == topology.paths.size()) check_local_names(topology, findings);
}

}  // namespace

std::vector<std::string> validate_graph(const Topology& topology) {
  Findings findings;
  check_graph(topology, TopologyIndex(topology), findings);
  return std::move(findings.lines);
}

std::vector<std::string> validate(const Topology& topology) {
  Findings findings;
  const TopologyIndex index(topology);
  check_graph(topology, index, findings);
  for (const auto& space : topology.spaces) {
    check_capabilities(space, findings);
    check_limits(space, findings);
    check_placement(space, findings);
    check_config(space, findings);
    check_references(topology, space, index, findings);
    if (space.store != StoreKind::none && space.type == SpaceType::ui)
      findings.add("space '{}': a UI space keeps no data", space.name);
    if (space.ingress && space.type == SpaceType::ui)
      findings.add(
          "space '{}': ingress is for spaces with a module; a page sends to a UI space over its "
          "socket",
          space.name);
    if (!space.path.empty() && (space.type != SpaceType::data || space.path[0] != '/'))
      findings.add("space '{}': path is the root folder of a DATA space and starts with '/'",
                   space.name);
  }
  for (const auto& path : topology.paths) check_once(topology, path, index, findings);
  check_routes(topology, findings);
  return std::move(findings.lines);
}

}  // namespace model
