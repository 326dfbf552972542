// SPDX-License-Identifier: Apache-2.0
#pragma once

// topology.yaml and spaces/<name>/space.yaml, strictly. space.yaml declares what
// a space is and may use; topology.yaml may narrow its capabilities, never widen them (R-DEC-11).
// All keys: docs/mex.md.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/topology.h"
#include "stdx/result.h"

namespace mex {

// The text of a file of the MEX, or Code::not_found.
using ReadFile = std::function<stdx::Result<std::string>(const std::string& path)>;

// The topology with what each space.yaml says, normalized; findings go into the list.
model::Topology read_topology(const ReadFile& read, const std::string& topology_file,
                              std::vector<std::string>& findings);

// What space.yaml says under `build`, of a space that mex compiles.
struct BuildSettings {
  std::optional<std::uint64_t> stack_bytes;  // build.stack; a bad one is as if it were not there
};
inline constexpr std::uint64_t stack_bytes_min = 4u << 10;
BuildSettings build_settings(const std::string& text, const std::string& file);

// A stand-alone topology.yaml (R-DEC-10): each space names its MEX, nothing is read from those
// here.
model::Topology read_standalone(const std::string& text, const std::string& file,
                                std::vector<std::string>& findings);

}  // namespace mex
