// SPDX-License-Identifier: Apache-2.0
#pragma once

// The metrics of each space and path, made by walking over them when somebody asks: nothing is
// looked up while messages pass.
//
// Bounds: spaces_max spaces and paths_max paths have series of their own, in order of topology and
// name; what is past them is added up in one series each, with "other" for the names, and counted
// in samoza_zrun_label_sets_folded. Of a histogram waits_max, as it has many series.

#include <cstddef>
#include <vector>

#include "ports/metrics.h"
#include "zrun/space.h"

namespace zrun {

struct MetricBounds {
  std::size_t spaces_max = 1000, paths_max = 1000, waits_max = 100;
};

std::vector<ports::Metrics::Family> space_metrics(const std::vector<const Space*>& spaces,
                                                  MetricBounds bounds = {});

}  // namespace zrun
