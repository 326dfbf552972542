// SPDX-License-Identifier: Apache-2.0
#pragma once

// YAML from outside into config::Node, strictly: one document of
// at most 8 MiB, 800,000 nodes and 32 levels; anchors, aliases, tags, merge keys, duplicate keys,
// tabs in indentation, NUL and byte-order marks are refused. Errors read "file:line: rule".

#include <string>

#include "config/node.h"
#include "stdx/result.h"

namespace adapters::yaml {

// A topology of model::spaces_max spaces and paths_max paths; the manifest of as many files.
inline constexpr std::size_t bytes_max = 8u << 20;
inline constexpr std::size_t nodes_max = 800'000;
inline constexpr int depth_max = 32;

stdx::Result<config::Node> parse(const std::string& text, const std::string& file);

}  // namespace adapters::yaml
