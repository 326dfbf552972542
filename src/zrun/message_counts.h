// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is counted for each message, where it passes: plain additions to the space and the path at
// hand, read when somebody asks for the metrics (space_metrics.h).

#include <algorithm>
#include <cstdint>

#include "ports/metrics.h"

namespace zrun {

struct MessageCounts {
  std::uint64_t accepted = 0;  // into the mailbox
  std::uint64_t repeated = 0;  // of those: marked as perhaps handled before
  std::uint64_t finished = 0;
  std::uint64_t dead = 0;  // given up: dead letters
};

// From the mailbox's taking a message to the guest's.
struct WaitTimes {
  ports::Histogram::Counts counts{};
  std::int64_t sum_ns = 0;

  void add(stdx::Duration waited) {
    const auto& bounds = ports::Histogram::bounds;
    const auto at = std::lower_bound(bounds.begin(), bounds.end(), waited) - bounds.begin();
    ++counts[static_cast<std::size_t>(at)];
    sum_ns += waited.count();
  }
};

}  // namespace zrun
