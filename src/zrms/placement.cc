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

// What speaks against that zhost, whoever else is there.
std::string objection(const PlacementRequest& request, const Candidate& candidate) {
  const auto& space = request.topology.spaces[request.space];
  const auto& rules = space.placement;
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
      candidate.memory_promised_bytes + space.limits.memory_bytes > candidate.memory_bytes)
    return format("{} MiB of memory are promised of {}", candidate.memory_promised_bytes >> 20,
                  candidate.memory_bytes >> 20);
  return "";
}

constexpr long points_a_space = 10;

// What the neighbours of a space say of the zhosts they are on, by index of candidate.
struct Neighbours {
  std::map<std::size_t, long> points;                  // lower is better
  std::map<std::size_t, std::uint32_t> anti_affinity;  // the first space that forbids it
};

}  // namespace

Candidates::Candidates(std::vector<Candidate> list) : list_(std::move(list)) {
  std::sort(list_.begin(), list_.end(),
            [](const Candidate& a, const Candidate& b) { return a.zhost < b.zhost; });
  for (std::size_t i = 0; i < list_.size(); ++i) by_load_.insert({list_[i].spaces, i});
}

std::size_t Candidates::index_of(const std::string& zhost) const {
  const auto at = std::lower_bound(
      list_.begin(), list_.end(), zhost,
      [](const Candidate& candidate, const std::string& name) { return candidate.zhost < name; });
  return at != list_.end() && at->zhost == zhost ? static_cast<std::size_t>(at - list_.begin())
                                                 : list_.size();
}

const Candidate* Candidates::find(const std::string& zhost) const {
  const auto index = index_of(zhost);
  return index == list_.size() ? nullptr : &list_[index];
}

void Candidates::promise(const std::string& zhost, const model::Space& space) {
  const auto index = index_of(zhost);
  if (index == list_.size()) return;
  auto& candidate = list_[index];
  by_load_.erase({candidate.spaces, index});
  ++candidate.spaces;
  by_load_.insert({candidate.spaces, index});
  candidate.memory_promised_bytes += space.limits.memory_bytes;
}

void Candidates::give_back(const std::string& zhost, const model::Space& space) {
  const auto index = index_of(zhost);
  if (index == list_.size()) return;
  auto& candidate = list_[index];
  by_load_.erase({candidate.spaces, index});
  candidate.spaces -= std::min<std::size_t>(candidate.spaces, 1);
  by_load_.insert({candidate.spaces, index});
  candidate.memory_promised_bytes -=
      std::min(candidate.memory_promised_bytes, space.limits.memory_bytes);
}

Candidates Candidates::ever() const {
  auto idle = list_;
  for (auto& candidate : idle) {
    candidate.available = true;
    candidate.memory_promised_bytes = 0;
    candidate.spaces = 0;
  }
  return Candidates(std::move(idle));
}

PlacementChoice Candidates::choose(const PlacementRequest& request) const {
  Neighbours near;
  const auto& ties = request.index.ties(request.space);
  const auto each = [&](const std::vector<std::uint32_t>& others, auto what) {
    for (const auto other : others) {
      ++looks_;
      const auto* zhost = request.where ? request.where(other) : nullptr;
      const auto index = zhost == nullptr ? list_.size() : index_of(*zhost);
      if (index < list_.size()) what(index, other);
    }
  };
  const auto add = [&](long points) {
    return [&near, points](std::size_t index, std::uint32_t) { near.points[index] += points; };
  };
  each(ties.anti_affinity, [&](std::size_t index, std::uint32_t other) {
    near.anti_affinity.try_emplace(index, other);
  });
  each(ties.prefer_apart, add(1000));
  each(ties.affinity, add(-500));
  each(ties.paths, add(-3));  // chatty spaces together, where all else is equal
  if (const auto index = index_of(request.avoid); index < list_.size())
    near.points[index] += 100'000;

  std::map<std::size_t, std::string> refusals;
  std::optional<std::pair<long, std::size_t>> best;
  const auto refused = [&](std::size_t index) {
    ++looks_;
    auto why_not = objection(request, list_[index]);
    const auto apart = near.anti_affinity.find(index);
    if (why_not.empty() && apart != near.anti_affinity.end())
      why_not = format("anti-affinity with '{}', which is there",
                       request.topology.spaces[apart->second].name);
    if (why_not.empty()) return false;
    refusals[index] = list_[index].zhost + ": " + why_not;
    return true;
  };
  const auto consider = [&](std::size_t index, long points) {
    points += points_a_space * static_cast<long>(list_[index].spaces);
    if (!best || std::pair{points, index} < *best) best = {points, index};
  };
  for (const auto& [index, points] : near.points)
    if (!refused(index)) consider(index, points);
  for (const auto& [spaces, index] : by_load_) {
    // From here on each is fuller than the best so far.
    if (best && points_a_space * static_cast<long>(spaces) > best->first) break;
    if (near.points.contains(index) || refused(index)) continue;
    consider(index, 0);
    break;
  }
  PlacementChoice choice;
  if (best) choice.zhost = list_[best->second].zhost;
  for (auto& [index, why] : refusals) choice.refusals.push_back(std::move(why));
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

}  // namespace zrms
