// SPDX-License-Identifier: Apache-2.0
#include "zrms/submission.h"

#include <algorithm>

#include "stdx/text.h"

namespace zrms {

stdx::Status check_size(const v1::TopologySpec& spec) {
  const auto bytes = spec.ByteSizeLong();
  if (bytes <= spec_bytes_max) return {};
  const auto& spaces = spec.spaces();
  const auto largest = std::max_element(spaces.begin(), spaces.end(), [](auto& a, auto& b) {
    return a.ByteSizeLong() < b.ByteSizeLong();
  });
  return stdx::fail(
      stdx::Code::invalid,
      stdx::format(
          "topology '{}' takes {} bytes without its modules; {} are allowed. Most of it, {} "
          "bytes, is the configuration of space '{}': put large config into files of the MEX",
          spec.name(), bytes, spec_bytes_max, largest == spaces.end() ? 0 : largest->ByteSizeLong(),
          largest == spaces.end() ? "" : largest->name()));
}

}  // namespace zrms
