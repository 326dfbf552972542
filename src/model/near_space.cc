// SPDX-License-Identifier: Apache-2.0
#include "model/near_space.h"

#include "stdx/near_miss.h"

namespace model {

std::string near_space(const Topology& topology, std::string_view name) {
  stdx::NearMiss miss(name);
  for (const auto& space : topology.spaces)
    if (!space.removed) miss.consider(space.name);
  return miss.hint();
}

}  // namespace model
