// SPDX-License-Identifier: Apache-2.0
#include "zrms/placement.h"

#include <algorithm>
#include <tuple>

#include "stdx/text.h"

namespace zrms {
namespace {

using stdx::format;

bool holds(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

constexpr long points_a_space = 10, points_to_avoid = 100'000;
constexpr long points_apart = 1000, points_affinity = -500;
constexpr long points_a_path = -3;  // chatty spaces together, where all else is equal

std::string mib(std::uint64_t bytes) {
  return format("{} MiB", bytes >> 20);
}

}  // namespace

// What the neighbours of a space say of the zhosts they are on, by index of candidate.
struct Candidates::Neighbours {
  std::map<std::size_t, long> points;                  // lower is better
  std::map<std::size_t, std::uint32_t> anti_affinity;  // the first space that forbids it
};

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

// With `notes`, also in words.
Candidates::Neighbours Candidates::neighbours_of(
    const PlacementRequest& request, std::map<std::size_t, std::vector<std::string>>* notes) const {
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
  const auto add = [&](long points, const char* what) {
    return [&near, &request, notes, points, what](std::size_t index, std::uint32_t other) {
      near.points[index] += points;
      if (notes != nullptr)
        (*notes)[index].push_back(
            format("{} '{}': {:+}", what, request.topology.spaces[other].name, -points));
    };
  };
  each(ties.anti_affinity, [&](std::size_t index, std::uint32_t other) {
    near.anti_affinity.try_emplace(index, other);
  });
  each(ties.prefer_apart, add(points_apart, "it would rather be apart from"));
  each(ties.affinity, add(points_affinity, "affinity with"));
  each(ties.paths, add(points_a_path, "a path to or from"));
  if (const auto index = index_of(request.avoid); index < list_.size()) {
    near.points[index] += points_to_avoid;
    if (notes != nullptr)
      (*notes)[index].push_back(format("it is to leave this zhost: {:+}", -points_to_avoid));
  }
  return near;
}

// `change` is called by those alone that want to know what would have to be otherwise.
template <typename Tell>
void Candidates::each_broken(const PlacementRequest& request, std::size_t index,
                             const Neighbours& near, Tell tell) const {
  const auto& candidate = list_[index];
  const auto& space = request.topology.spaces[request.space];
  const auto& rules = space.placement;
  if (!request.only_on.empty() && candidate.zhost != request.only_on &&
      tell(format("its data is on {}", request.only_on), [&] {
        return format("its data is on zhost {}, it can be nowhere else", request.only_on);
      }))
    return;
  if (!candidate.available) {
    const auto why = candidate.unavailable.empty() ? "unavailable" : candidate.unavailable;
    if (tell(why, [&] { return format("it must be there ({})", why); })) return;
  }
  if (!rules.region.empty() && rules.region != candidate.region &&
      tell(format("region '{}' is not '{}'", candidate.region, rules.region), [&] {
        return format("its region (zhost.region) must be '{}', it is '{}'", rules.region,
                      candidate.region);
      }))
    return;
  for (const auto& [name, value] : rules.labels) {
    const auto at = candidate.labels.find(name);
    const bool there = at != candidate.labels.end();
    if (there && at->second == value) continue;
    if (tell(format("label {} is not '{}'", name, value), [&] {
          return format("its label {} (zhost.labels) must be '{}', {}", name, value,
                        there ? "it is '" + at->second + "'" : "it has none");
        }))
      return;
  }
  for (const auto& device : rules.devices)
    if (!holds(candidate.devices, device) && tell(format("no device '{}'", device), [&] {
          return format("it must have device '{}' (zhost.devices), it has {}", device,
                        candidate.devices.empty()
                            ? "none"
                            : format("{}", fmt::join(candidate.devices, ", ")));
        }))
      return;
  if (candidate.spaces_max > 0 && candidate.spaces >= candidate.spaces_max &&
      tell(format("it has {} spaces, its limit (zrun.limits.spaces)", candidate.spaces), [&] {
        return format("its zrun.limits.spaces must be above {}, it is {}", candidate.spaces,
                      candidate.spaces_max);
      }))
    return;
  const auto promised = candidate.memory_promised_bytes, has = candidate.memory_bytes;
  const auto asked = space.limits.memory_bytes;
  if (has > 0 && asked > has - std::min(has, promised) &&
      tell(format("{} MiB of memory are promised of {}", promised >> 20, has >> 20), [&] {
        return format("{} memory are free of {} asked", mib(has - std::min(has, promised)),
                      mib(asked));
      }))
    return;
  const auto apart = near.anti_affinity.find(index);
  if (apart == near.anti_affinity.end()) return;
  const auto& other = request.topology.spaces[apart->second].name;
  tell(format("anti-affinity with '{}', which is there", other),
       [&] { return format("space '{}' must be elsewhere (anti-affinity)", other); });
}

long Candidates::points_of(std::size_t index, const Neighbours& near) const {
  const auto at = near.points.find(index);
  return (at == near.points.end() ? 0 : at->second) +
         points_a_space * static_cast<long>(list_[index].spaces);
}

PlacementChoice Candidates::choose(const PlacementRequest& request) const {
  const auto near = neighbours_of(request, nullptr);
  std::map<std::size_t, std::string> refusals;
  std::optional<std::pair<long, std::size_t>> best;
  const auto refused = [&](std::size_t index) {
    ++looks_;
    bool any = false;
    each_broken(request, index, near, [&](const std::string& first, auto) {
      refusals[index] = list_[index].zhost + ": " + first;
      return any = true;
    });
    return any;
  };
  const auto consider = [&](std::size_t index) {
    const std::pair points{points_of(index, near), index};
    if (!best || points < *best) best = points;
  };
  for (const auto& [index, points] : near.points)
    if (!refused(index)) consider(index);
  for (const auto& [spaces, index] : by_load_) {
    // From here on each is fuller than the best so far.
    if (best && points_a_space * static_cast<long>(spaces) > best->first) break;
    if (near.points.contains(index) || refused(index)) continue;
    consider(index);
    break;
  }
  PlacementChoice choice;
  if (best) choice.zhost = list_[best->second].zhost;
  for (auto& [index, why] : refusals) choice.refusals.push_back(std::move(why));
  return choice;
}

std::vector<ZhostFit> Candidates::explain(const PlacementRequest& request) const {
  std::map<std::size_t, std::vector<std::string>> notes;
  const auto near = neighbours_of(request, &notes);
  std::vector<ZhostFit> fits;
  for (std::size_t index = 0; index < list_.size(); ++index) {
    ++looks_;
    auto& fit = fits.emplace_back();
    fit.zhost = list_[index].zhost;
    fit.points = points_of(index, near);
    each_broken(request, index, near, [&](std::string rule, auto change) {
      fit.broken.push_back({std::move(rule), change()});
      return false;
    });
    fit.elsewhere = !request.only_on.empty() && fit.zhost != request.only_on;
    const auto spaces = static_cast<long>(list_[index].spaces);
    fit.preferences.push_back(
        format("{} space{} there: {:+}", spaces, spaces == 1 ? "" : "s", -points_a_space * spaces));
    for (auto& note : notes[index]) fit.preferences.push_back(std::move(note));
  }
  const auto rank = [](const ZhostFit& fit) {
    return std::tuple(fit.elsewhere, fit.broken.size(), fit.points);
  };
  // They are in order of zhost.
  std::stable_sort(fits.begin(), fits.end(),
                   [&](const ZhostFit& a, const ZhostFit& b) { return rank(a) < rank(b); });
  return fits;
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
