// SPDX-License-Identifier: Apache-2.0
#include "wire/states.h"

#include <array>
#include <cstddef>
#include <string_view>

namespace wire {
namespace {

// In the order of the enums.
constexpr std::array space_rows{"unknown", "placed",  "running", "failed",
                                "waiting", "stopped", "removed"};
constexpr std::array topologies{"unknown", "pending", "running", "degraded", "stopped", "failed"};
constexpr std::array instances{"unknown", "starting", "running", "stopping",
                               "stopped", "failed",   "waiting"};
constexpr std::array outcomes{"unknown", "accepted", "already", "refused"};

template <typename State, std::size_t n>
State state_named(const std::array<const char*, n>& names, std::string_view text) {
  for (std::size_t i = 1; i < n; ++i)
    if (text == names[i]) return static_cast<State>(i);
  return State::unknown;
}

}  // namespace

const char* to_string(SpaceRowState state) {
  return space_rows.at(static_cast<std::size_t>(state));
}
const char* to_string(TopologyState state) {
  return topologies.at(static_cast<std::size_t>(state));
}
const char* to_string(InstanceState state) {
  return instances.at(static_cast<std::size_t>(state));
}
const char* to_string(CommandOutcome outcome) {
  return outcomes.at(static_cast<std::size_t>(outcome));
}

SpaceRowState state_of(const samoza::v1::SpaceRecord& record) {
  return state_named<SpaceRowState>(space_rows, record.state());
}
TopologyState state_of(const samoza::v1::TopologyRecord& record) {
  return state_named<TopologyState>(topologies, record.state());
}
InstanceState state_of(const samoza::v1::SpaceReport& report) {
  return state_named<InstanceState>(instances, report.state());
}
CommandOutcome outcome_of(const samoza::v1::CommandReply& reply) {
  return state_named<CommandOutcome>(outcomes, reply.outcome());
}

}  // namespace wire
