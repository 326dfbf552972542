// SPDX-License-Identifier: Apache-2.0
#include "zrms/plan_work.h"

namespace zrms {

std::vector<Candidate> candidates_of(const PlanView& view) {
  std::vector<Candidate> list;
  for (const auto& member : view.members) {
    Candidate candidate;
    candidate.zhost = member.zhost_id();
    candidate.region = member.region();
    for (const auto& label : member.labels()) candidate.labels[label.name()] = label.value();
    candidate.devices.assign(member.devices().begin(), member.devices().end());
    candidate.memory_bytes = member.memory_bytes();
    candidate.spaces_max = member.spaces_max();
    const auto life = view.cluster.life(candidate.zhost);
    if (view.recovery.unavailable(candidate.zhost) || life == ClusterManager::Life::dead)
      candidate.unavailable = "unavailable: it failed";
    else if (life == ClusterManager::Life::suspect)
      candidate.unavailable = "suspect: not heard for a moment";
    else if (!view.cluster.heard(candidate.zhost))
      candidate.unavailable = "not heard yet";
    else if (view.cluster.zrun_down(candidate.zhost))
      candidate.unavailable = "its zrun is down" + view.cluster.zrun_cause(candidate.zhost);
    candidate.available = candidate.unavailable.empty();
    candidate.lost = life == ClusterManager::Life::dead || view.cluster.zrun_down(candidate.zhost);
    const auto load = view.records.load_of(candidate.zhost);
    candidate.spaces = load.spaces;
    candidate.memory_promised_bytes = load.memory_bytes;
    list.push_back(std::move(candidate));
  }
  std::sort(list.begin(), list.end(),
            [](const Candidate& a, const Candidate& b) { return a.zhost < b.zhost; });
  return list;
}

}  // namespace zrms
