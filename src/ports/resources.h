// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace ports {

struct ResourceSample {
  double cpu_used_cores = 0;  // since the last sample
  double cpu_cores = 0;
  std::uint64_t memory_used_bytes = 0, memory_total_bytes = 0;
  std::uint64_t disk_used_bytes = 0, disk_total_bytes = 0;
};

// What this zhost has and uses. Cheap; called from the loop of zrms at each report.
class Resources {
 public:
  virtual ~Resources() = default;
  virtual ResourceSample sample() = 0;
};

}  // namespace ports
