// SPDX-License-Identifier: Apache-2.0
#pragma once

// The leader's log lines and counters of rows that were committed: a topology's state, its update,
// a space that was placed. One for each Leader.

#include <vector>

#include "ports/log.h"
#include "ports/metrics.h"
#include "zrms/records.h"

namespace zrms {

class CommitLog {
 public:
  // Both outlive it.
  CommitLog(ports::Log& log, ports::Metrics& metrics);

  // `before`: the records without the changes.
  void log(const std::vector<RowChange>& changes, const Records& before);

 private:
  void log_topology(const RowChange& change, const Records& before);
  void log_space(const RowChange& change, const Records& before);

  ports::Log& log_;
  // Topologies that came into that state, of all terms of this process.
  ports::Counter &degraded_, &failed_;
};

}  // namespace zrms
