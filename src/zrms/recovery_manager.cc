// SPDX-License-Identifier: Apache-2.0
#include "zrms/recovery_manager.h"

namespace zrms {

std::vector<std::string> RecoveryManager::handle_zhost_failure(const std::string& zhost,
                                                               const Records& records) {
  unavailable_[zhost] = true;
  std::vector<std::string> affected;
  for (const auto& key : records.on(zhost))
    if (!records.space(key.first, key.second)->record.tombstone() &&
        (affected.empty() || affected.back() != key.first))
      affected.push_back(key.first);
  return affected;
}

}  // namespace zrms
