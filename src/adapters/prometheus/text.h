// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "ports/metrics.h"

namespace adapters::prometheus {

// The registry in Prometheus' text format 0.0.4, for GET /metrics.
std::string to_text(const ports::Metrics& metrics);

}  // namespace adapters::prometheus
