// SPDX-License-Identifier: Apache-2.0
#pragma once

// One version of a topology, read once. Its row, changes of that row and place commands share it:
// of 10,000 spaces it takes megabytes, and reading or writing it takes tens of milliseconds.
// Immutable.

#include <memory>
#include <string>
#include <vector>

#include "model/topology.h"
#include "model/topology_index.h"
#include "samoza/v1/topology.pb.h"
#include "stdx/result.h"

namespace zrms {

struct TopologyText {
  model::Topology spec;
  model::TopologyIndex index;
  // A TopologySpec, as rows and place commands carry it.
  std::shared_ptr<const std::string> bytes = std::make_shared<const std::string>();
};
using TextPtr = std::shared_ptr<const TopologyText>;

TextPtr text_of(model::Topology spec);
// The same where its bytes are at hand.
TextPtr text_of(model::Topology spec, std::string bytes);
// Code::invalid as wire::from_wire.
stdx::Result<TextPtr> text_of(const samoza::v1::TopologySpec& spec);
// Of a row that is not there yet.
const TextPtr& no_text();

// The hashes of every MEX of a topology, sorted: its own, or those of its spaces (R-DEC-10).
std::vector<std::string> archives_of(const model::Topology& spec, const std::string& mex_sha256);

}  // namespace zrms
