// SPDX-License-Identifier: Apache-2.0
#include "controlplane/join_attempts.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "stdx/text.h"

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

std::string JoinAttempts::network_of(const std::string& source) {
  if (source.find(':') == std::string::npos) return source;
  constexpr std::size_t groups = 8, of_network = 4;
  const auto gap = source.find("::");
  auto list = stdx::split(std::string_view(source).substr(0, gap), ':');
  if (gap == 0) list.clear();
  if (gap != std::string::npos) {
    const auto rest = std::string_view(source).substr(gap + 2);
    const auto behind = rest.empty() ? std::vector<std::string_view>() : stdx::split(rest, ':');
    while (list.size() + behind.size() < groups) list.push_back("0");
    list.insert(list.end(), behind.begin(), behind.end());
  }
  if (list.size() != groups) return source;
  std::string network;
  for (std::size_t i = 0; i < of_network; ++i) network += std::string(list[i]) + ":";
  return network + ":/64";
}

bool JoinAttempts::failed(const std::string& address, stdx::Instant now) {
  const auto source = network_of(address);
  auto at = sources_.find(source);
  if (at == sources_.end()) {
    if (sources_.size() >= sources_max) tidy(now);
    if (sources_.size() >= sources_max) return take(others_, now);
    at = sources_.emplace(source, Budget{attempts_max, now}).first;
  }
  return take(at->second, now);
}

}  // namespace controlplane
