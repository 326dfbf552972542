// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "ports/metrics.h"

namespace adapters::prometheus {

// The registry in Prometheus' text format 0.0.4, for GET /metrics.
// `more`: families that are made when somebody asks.
std::string to_text(const ports::Metrics& metrics, std::vector<ports::Metrics::Family> more = {});

}  // namespace adapters::prometheus
