// SPDX-License-Identifier: Apache-2.0
#pragma once

// A stand-alone topology.yaml names a MEX for each of its spaces (R-TOPO-4, R-DEC-10). What a space
// is (type, module, capabilities, limits, rules) is what its MEX says; the stand-alone file names
// the spaces and the paths between them, may narrow capabilities (R-DEC-11), and lays its `config`
// and `path` over those of the MEX. Paths inside the MEX are not taken. Pure.

#include <map>
#include <string>
#include <vector>

#include "model/topology.h"

namespace model {

// Archives one stand-alone topology may name.
inline constexpr std::size_t archives_max = 256;

// The whole topology from `asked`, whose spaces have `mex` and `mex_sha256` set, and the topologies
// of those archives by hash: the space of the same name, or the only one. What is wrong goes into
// `findings`, one line each; the result is of use only when there are none.
Topology assemble(const Topology& asked, const std::map<std::string, Topology>& archives,
                  std::vector<std::string>& findings);

}  // namespace model
