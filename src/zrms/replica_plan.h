// SPDX-License-Identifier: Apache-2.0
#pragma once

// Chooses the zhosts that get a new topology's archives, so that min(3, N) of them are replicas
// when submit answers (ARCHITECTURE.md, What one change costs). N counts the zhosts that are not
// known to be dead. A zhost that lives and takes no copy is replaced by the next candidate; when
// none is left, submit is refused with the names of those that took no copy.
//
// Pure. Each candidate is tried once; as many copies are under way as are missing.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "stdx/result.h"

namespace zrms {

class ReplicaPlan {
 public:
  static constexpr std::size_t copies = 3;

  // `candidates` are tried in this order; `replica` has the archives already and is not tried.
  ReplicaPlan(std::string replica, const std::vector<std::string>& candidates);

  // Whom to ask now; counted as under way from here on.
  std::vector<std::string> next();
  void answered(const std::string& zhost, const stdx::Status& copied);

  bool done() const { return under_way_.empty() && (missing() == 0 || untried_.empty()); }
  // When done: all replicas, sorted, or Code::unavailable.
  stdx::Result<std::vector<std::string>> outcome() const;

 private:
  std::size_t missing() const { return wanted_ - std::min(wanted_, replicas_.size()); }

  std::size_t wanted_;
  std::set<std::string> replicas_, under_way_;
  std::vector<std::string> untried_;            // the next one first
  std::map<std::string, std::string> refused_;  // why
};

}  // namespace zrms
