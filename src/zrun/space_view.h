// SPDX-License-Identifier: Apache-2.0
#pragma once

// A space as it is shown: by zrun's HTTP interface, and by zmesh of any zhost (zrun.space).

#include <cstddef>
#include <string>

#include "samoza/v1/api.pb.h"
#include "zrun/space.h"

namespace zrun {

namespace v1 = samoza::v1;

// With its last `log_lines` lines.
v1::SpaceView space_view(const Space& space, const std::string& zhost, std::size_t log_lines);
// Every line that is kept.
v1::LogsReply space_logs(const Space& space);

}  // namespace zrun
