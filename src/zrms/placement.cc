// SPDX-License-Identifier: Apache-2.0
#include "zrms/placement.h"

#include <algorithm>

#include "stdx/text.h"

namespace zrms {
namespace {

using stdx::format;

bool holds(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

const model::Space* find(const model::Topology& topology, const std::string& name) {
  for (const auto& space : topology.spaces)
    if (space.name == name) return &space;
  return nullptr;
}

// Anti-affinity and its softer form bind both, whichever of the two names the other.
bool keeps_apart(const model::Topology& topology, const model::Space& a, const std::string& b,
                 std::vector<std::string> model::PlacementRules::* rule) {
  if (holds(a.placement.*rule, b)) return true;
  const auto* other = find(topology, b);
  return other != nullptr && holds(other->placement.*rule, a.name);
}

std::string objection(const PlacementRequest& request, const Candidate& candidate) {
  const auto& rules = request.space.placement;
  if (!request.only_on.empty() && candidate.zhost != request.only_on)
    return format("its data is on {}", request.only_on);
  if (!candidate.available)
    return candidate.unavailable.empty() ? "unavailable" : candidate.unavailable;
  if (!rules.region.empty() && rules.region != candidate.region)
    return format("region '{}' is not '{}'", candidate.region, rules.region);
  for (const auto& [name, value] : rules.labels) {
    const auto at = candidate.labels.find(name);
    if (at == candidate.labels.end() || at->second != value)
      return format("label {} is not '{}'", name, value);
  }
  for (const auto& device : rules.devices)
    if (!holds(candidate.devices, device)) return format("no device '{}'", device);
  if (candidate.spaces_max > 0 && candidate.spaces >= candidate.spaces_max)
    return format("it has {} spaces, its limit (zrun.limits.spaces)", candidate.spaces);
  if (candidate.memory_bytes > 0 &&
      candidate.memory_promised_bytes + request.space.limits.memory_bytes > candidate.memory_bytes)
    return format("{} MiB of memory are promised of {}", candidate.memory_promised_bytes >> 20,
                  candidate.memory_bytes >> 20);
  for (const auto& [other, zhost] : request.placed)
    if (zhost == candidate.zhost && other != request.space.name &&
        keeps_apart(request.topology, request.space, other, &model::PlacementRules::anti_affinity))
      return format("anti-affinity with '{}', which is there", other);
  return "";
}

// Lower is better.
long score(const PlacementRequest& request, const Candidate& candidate) {
  long points = 10 * static_cast<long>(candidate.spaces);
  if (candidate.zhost == request.avoid) points += 100'000;
  for (const auto& [other, zhost] : request.placed) {
    if (zhost != candidate.zhost || other == request.space.name) continue;
    if (keeps_apart(request.topology, request.space, other, &model::PlacementRules::prefer_apart))
      points += 1000;
    if (keeps_apart(request.topology, request.space, other, &model::PlacementRules::affinity))
      points -= 500;
    for (const auto& path : request.topology.paths)
      if ((path.from == request.space.name && path.to == other) ||
          (path.to == request.space.name && path.from == other))
        points -= 3;  // chatty spaces together, where all else is equal
  }
  return points;
}

}  // namespace

PlacementChoice choose(const PlacementRequest& request, const std::vector<Candidate>& candidates) {
  PlacementChoice choice;
  std::optional<std::pair<long, std::string>> best;
  for (const auto& candidate : candidates) {
    const auto why_not = objection(request, candidate);
    if (!why_not.empty()) {
      choice.refusals.push_back(candidate.zhost + ": " + why_not);
      continue;
    }
    const std::pair mine{score(request, candidate), candidate.zhost};
    if (!best || mine < *best) best = mine;
  }
  if (best) choice.zhost = best->second;
  return choice;
}

std::string no_room_for(const model::Topology& topology, const std::vector<Candidate>& candidates) {
  constexpr std::size_t named_max = 5;
  std::size_t room = 0, named = 0;
  std::string each;
  for (const auto& candidate : candidates) {
    if (candidate.spaces_max == 0) return "";
    room += candidate.spaces_max - std::min(candidate.spaces, candidate.spaces_max);
    if (++named <= named_max)
      each += format("{}{} has {} of {}", named > 1 ? ", " : "", candidate.zhost, candidate.spaces,
                     candidate.spaces_max);
  }
  if (candidates.empty() || topology.spaces.size() <= room) return "";
  if (named > named_max) each += format(", {} more", named - named_max);
  return format(
      "topology '{}' has {} spaces, but the zhosts take only {} more "
      "(zrun.limits.spaces: {})",
      topology.name, topology.spaces.size(), room, each);
}

PlacementChoice choose_ever(const PlacementRequest& request, std::vector<Candidate> candidates) {
  for (auto& candidate : candidates) {
    candidate.available = true;
    candidate.memory_promised_bytes = 0;
    candidate.spaces = 0;
  }
  return choose(request, candidates);
}

}  // namespace zrms
