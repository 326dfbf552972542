// SPDX-License-Identifier: Apache-2.0
#include "sim/activation_checker.h"

#include "stdx/text.h"

namespace sim {

void ActivationChecker::began(const Space& space, std::uint64_t epoch, const std::string& zhost,
                              std::uint64_t version) {
  const auto [known, first] = versions_.try_emplace({space, epoch}, version);
  if (!first && known->second != version)
    violate_(stdx::format("P16: epoch {} of {} is of version {}, and of version {} on {}", epoch,
                          space.second, known->second, version, zhost));
  auto& copies = copies_[space];
  for (const auto& [other, held] : copies)
    if (other != zhost && held == epoch)
      violate_(stdx::format("S1: epoch {} of {} is on {} and on {} at the same time", epoch,
                            space.second, other, zhost));
  copies[zhost] = epoch;
}

void ActivationChecker::ended(const Space& space, std::uint64_t epoch, const std::string& zhost) {
  const auto copies = copies_.find(space);
  if (copies == copies_.end()) return;
  const auto copy = copies->second.find(zhost);
  if (copy != copies->second.end() && copy->second == epoch) copies->second.erase(copy);
}

void ActivationChecker::zhost_gone(const std::string& zhost) {
  for (auto& [space, copies] : copies_) copies.erase(zhost);
}

void ActivationChecker::accepted(const std::string& topology, std::vector<std::string> spaces) {
  wanted_[topology] = std::move(spaces);
}

std::string ActivationChecker::missing_or_twice() const {
  for (const auto& [topology, spaces] : wanted_)
    for (const auto& space : spaces) {
      const auto copies = copies_.find({topology, space});
      const auto count = copies == copies_.end() ? 0 : copies->second.size();
      if (count != 1)
        return stdx::format("P15: space {} of an accepted topology has {} copies", space, count);
    }
  return {};
}

}  // namespace sim
