// SPDX-License-Identifier: Apache-2.0
#pragma once

// world/layout.yaml (R-MEX-11): where the spaces of a topology are in the world. It is checked and
// kept as it is; nothing is placed by it. All keys: docs/mex.md.

#include <set>
#include <string>
#include <vector>

namespace mex {

// `spaces`: the names that a location may refer to. Findings, with file and line, go into the list.
void check_layout(const std::string& text, const std::set<std::string>& spaces,
                  std::vector<std::string>& findings);

}  // namespace mex
