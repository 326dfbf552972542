// SPDX-License-Identifier: Apache-2.0
#pragma once

// Has a zhost fetch archives from those that hold them, one after the other, so that one topology
// takes one of the target's Blobs::fetches_max. What is there already costs one round trip.

#include <functional>
#include <string>
#include <vector>

#include "rpc/service_bus.h"
#include "stdx/result.h"

namespace zrms {

// Answers once: when all archives are on the target's disk, or with the first that failed.
void copy_archives(rpc::ServiceBus& zmesh, const std::string& target,
                   std::vector<std::string> archives, std::vector<std::string> replicas,
                   std::function<void(stdx::Status)> done);

}  // namespace zrms
