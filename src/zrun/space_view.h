// SPDX-License-Identifier: Apache-2.0
#pragma once

// A space as it is shown: by zrun's HTTP interface, and by zmesh of any zhost (zrun.space).

#include <cstddef>
#include <string>
#include <vector>

#include "ports/space_logs.h"
#include "samoza/v1/api.pb.h"
#include "samoza/v1/cluster.pb.h"
#include "zrun/space.h"

namespace zrun {

namespace v1 = samoza::v1;

// With its last `log_lines` lines.
v1::SpaceView space_view(const Space& space, const std::string& zhost, std::size_t log_lines);
// As startz and the leader hear of it.
v1::SpaceReport report_of(const Space& space);
// A line as text: "TIME TEXT".
std::string text_of(const ports::LogLine& line);

std::vector<std::string> texts_of(const SpaceLog& log);

// Which of the lines are asked for, as records and as text.
struct LogQuery {
  std::uint64_t epoch = 0, seq = 0;  // only what came after this line
  std::uint32_t run = 0;
};
// Those of `kept` (the disk) and what the instance has in memory, each once. `space`: null where it
// is not here.
v1::LogsReply space_logs(const Space* space, const std::vector<ports::LogLine>& kept,
                         const LogQuery& query, const std::string& zhost);

}  // namespace zrun
