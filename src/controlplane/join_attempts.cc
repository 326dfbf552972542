// SPDX-License-Identifier: Apache-2.0
#include "controlplane/join_attempts.h"

#include <algorithm>

namespace controlplane {

using namespace std::chrono_literals;

bool JoinAttempts::take(Budget& budget, stdx::Instant now) {
  const auto earned = static_cast<std::uint64_t>(std::max<std::int64_t>((now - budget.at) / 1s, 0));
  if (earned > 0) {
    budget.left = std::min(attempts_max, budget.left + earned);
    budget.at = now;
  }
  if (budget.left == 0) return false;
  --budget.left;
  return true;
}

// Those whose budget is whole again.
void JoinAttempts::tidy(stdx::Instant now) {
  std::erase_if(sources_, [&](const auto& source) {
    return now - source.second.at >= std::chrono::seconds(attempts_max);
  });
}

bool JoinAttempts::failed(const std::string& source, stdx::Instant now) {
  auto at = sources_.find(source);
  if (at == sources_.end()) {
    if (sources_.size() >= sources_max) tidy(now);
    if (sources_.size() >= sources_max) return take(others_, now);
    at = sources_.emplace(source, Budget{attempts_max, now}).first;
  }
  return take(at->second, now);
}

}  // namespace controlplane
