// SPDX-License-Identifier: Apache-2.0
#pragma once

// R-COMP-2: keeps the zhosts that failed, until they return or are forgotten, and says what is
// affected. What is done about it the Reconciler plans. Pure.

#include <map>
#include <string>
#include <vector>

#include "zrms/records.h"

namespace zrms {

class RecoveryManager {
 public:
  // R-FAIL-5..7: marks the zhost unavailable and gives the topologies with spaces on it, sorted.
  std::vector<std::string> handle_zhost_failure(const std::string& zhost, const Records& records);
  void zhost_returned(const std::string& zhost) { unavailable_.erase(zhost); }
  bool unavailable(const std::string& zhost) const { return unavailable_.contains(zhost); }
  void clear() { unavailable_.clear(); }

 private:
  std::map<std::string, bool> unavailable_;
};

}  // namespace zrms
