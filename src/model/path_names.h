// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the guests at the ends of a path call it: `out` and `in` of topology.yaml, or its name. So
// one module serves many spaces, whatever the topology calls their paths.

#include "model/topology.h"

namespace model {

inline const std::string& out_name(const Path& path) {
  return path.out.empty() ? path.name : path.out;
}
inline const std::string& in_name(const Path& path) {
  return path.in.empty() ? path.name : path.in;
}

}  // namespace model
