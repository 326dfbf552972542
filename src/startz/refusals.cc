// SPDX-License-Identifier: Apache-2.0
#include "startz/refusals.h"

#include <algorithm>

namespace startz {

bool Refusals::refused(const std::string& zhost, const std::vector<std::string>& addresses,
                       const std::string& address, stdx::Instant now) {
  auto& at = refused_[zhost];
  std::erase_if(at, [&](const auto& entry) {
    return now - entry.second > within ||
           std::find(addresses.begin(), addresses.end(), entry.first) == addresses.end();
  });
  if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) return false;
  at[address] = now;
  const bool all = std::all_of(addresses.begin(), addresses.end(),
                               [&](const auto& one) { return at.contains(one); });
  if (all) at.clear();
  return all;
}

}  // namespace startz
