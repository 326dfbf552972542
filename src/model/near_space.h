// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "model/topology.h"

namespace model {

// "; did you mean 'x'?" of the spaces that a topology has, or nothing (stdx/near_miss.h).
std::string near_space(const Topology& topology, std::string_view name);

}  // namespace model
