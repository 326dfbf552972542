// SPDX-License-Identifier: Apache-2.0
#include "sim/register_checker.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace sim {

void RegisterChecker::place(const PlacementSeen& placement) {
  const Space space{placement.topology, placement.space};
  if (!placement.zhost.empty()) {
    const auto [at, fresh] = places_.try_emplace({space, placement.epoch}, placement.zhost);
    if (!fresh && at->second != placement.zhost)
      violate_(fmt::format("S5: epoch {} of {} is on {} to one, on {} to another", placement.epoch,
                           placement.space, at->second, placement.zhost));
  }
  if (lost_) return;
  auto& known = known_[space];
  known = std::max(known, placement.epoch);
}

void RegisterChecker::written(const PlacementSeen& placement) {
  place(placement);
}

RegisterChecker::Read RegisterChecker::begin() {
  begun_[next_] = known_;
  return next_++;
}

void RegisterChecker::answered(Read read, const std::vector<PlacementSeen>& placements) {
  const auto at = begun_.find(read);
  if (at == begun_.end()) return;
  ++reads_;
  for (const auto& placement : placements) {
    const auto known = at->second.find({placement.topology, placement.space});
    if (!lost_ && known != at->second.end() && placement.epoch < known->second)
      violate_(fmt::format("S5: a read gave epoch {} of {}, though {} was known before it began",
                           placement.epoch, placement.space, known->second));
    place(placement);
  }
  begun_.erase(at);
}

void RegisterChecker::records_lost() {
  lost_ = true;
}

void RegisterChecker::records_opened() {
  if (!std::exchange(lost_, false)) return;
  known_.clear();
  begun_.clear();
}

}  // namespace sim
