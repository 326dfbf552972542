// SPDX-License-Identifier: Apache-2.0
#pragma once

// The metrics of every service of a zhost as one page, for one scrape target. Pure.

#include <string>
#include <utility>
#include <vector>

#include "stdx/result.h"

namespace zbase {

// `pages`: by service, in the Prometheus text format, or why it has none. Each series gets a label
// `service`; one that has it already keeps its own as `exported_service`. Families of several
// services stand together. samoza_service_up says which services answered.
std::string zhost_metrics(
    const std::vector<std::pair<std::string, stdx::Result<std::string>>>& pages);

}  // namespace zbase
