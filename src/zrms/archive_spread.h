// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whom to give a new topology's archives, so that min(3, N) zhosts have them when submit answers
// (ARCHITECTURE.md, What one change costs). N counts the zhosts that are not known to be dead: one
// that lives and does not take a copy is replaced by the next; when none is left, submit is refused
// and says who took none, rather than promising copies there are not.
//
// Pure. Each candidate is tried once; as many are under way as copies are missing.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "stdx/result.h"

namespace zrms {

class ArchiveSpread {
 public:
  static constexpr std::size_t copies = 3;

  // `candidates` are tried in this order; `replica` has the archives already and is not tried.
  ArchiveSpread(std::string replica, const std::vector<std::string>& candidates);

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
