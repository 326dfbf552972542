// SPDX-License-Identifier: Apache-2.0
#include "zrms/replica_plan.h"

#include <algorithm>

#include "stdx/text.h"

namespace zrms {

ReplicaPlan::ReplicaPlan(std::string replica, const std::vector<std::string>& candidates) {
  for (const auto& zhost : candidates)
    if (zhost != replica) untried_.push_back(zhost);
  replicas_.insert(std::move(replica));
  wanted_ = std::min(copies, untried_.size() + 1);
}

std::vector<std::string> ReplicaPlan::next() {
  const auto room = missing() - std::min(missing(), under_way_.size());
  const auto end = untried_.begin() + static_cast<long>(std::min(room, untried_.size()));
  std::vector<std::string> asked(untried_.begin(), end);
  untried_.erase(untried_.begin(), end);
  under_way_.insert(asked.begin(), asked.end());
  return asked;
}

void ReplicaPlan::answered(const std::string& zhost, const stdx::Status& copied) {
  if (under_way_.erase(zhost) == 0) return;
  if (copied)
    replicas_.insert(zhost);
  else
    refused_[zhost] = copied.error().message;
}

stdx::Result<std::vector<std::string>> ReplicaPlan::outcome() const {
  if (missing() == 0) return std::vector(replicas_.begin(), replicas_.end());
  std::string why;
  for (const auto& [zhost, reason] : refused_)
    why += stdx::format("{}{}: {}", why.empty() ? "" : "; ", zhost, reason);
  return stdx::fail(stdx::Code::unavailable,
                    stdx::format("{} of {} zhosts took the archives; not {}; try again, or look at "
                                 "those zhosts with `cluster zhosts`",
                                 replicas_.size(), wanted_, why));
}

}  // namespace zrms
