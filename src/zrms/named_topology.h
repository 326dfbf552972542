// SPDX-License-Identifier: Apache-2.0
#pragma once

// The topology that a person means: by its id, its name, or the beginning of its id. Every route of
// zrms that takes a topology resolves it here. Pure.

#include <string>

#include "zrms/records.h"

namespace zrms {

// Characters of an id that are enough where no other id begins so.
inline constexpr std::size_t id_prefix_min = 4;

// None where there is no such topology, several ids begin so, or it was deleted.
const TopologyRow* named_topology(const Records& records, const std::string& asked);
// Why there is none: the ids that begin so, or the name that is nearest.
stdx::Error no_topology(const Records& records, const std::string& asked);

}  // namespace zrms
