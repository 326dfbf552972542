// SPDX-License-Identifier: Apache-2.0
#pragma once

// Asks each zhost which copies of the records it keeps. It goes from zhost to zhost: also while the
// control plane is away.

#include <functional>
#include <string>
#include <vector>

#include "rpc/service_bus.h"
#include "samoza/v1/copies.pb.h"

namespace zrms {

namespace v1 = samoza::v1;

// Answers once, when all have answered or copies_timeout is over; sorted by zhost. `self` is among
// `zhosts`. At most copies_asked_max are asked at once.
inline constexpr stdx::Duration copies_timeout = std::chrono::seconds(3);
inline constexpr std::size_t copies_asked_max = 64;
void ask_copies(rpc::ServiceBus& zmesh, const std::string& self, std::vector<std::string> zhosts,
                std::function<void(v1::ClusterCopies)> done);

}  // namespace zrms
