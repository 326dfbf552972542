// SPDX-License-Identifier: Apache-2.0
#pragma once

// The states and outcomes that messages and rows carry as text, as people and other programs read
// them there. Everything inside works with these enums; text that is none of them, from a newer
// version or a damaged row, is `unknown` and equals no other state.

#include "samoza/v1/cluster.pb.h"
#include "samoza/v1/controlplane.pb.h"

namespace wire {

// Of a placement, in the records.
enum class SpaceRowState { unknown, placed, running, failed, waiting, stopped, removed };
// Of a topology, in the records (R-TOPO-9..13).
enum class TopologyState { unknown, pending, running, degraded, stopped, failed };
// Of an instance, as its zhost reports it.
enum class InstanceState { unknown, starting, running, stopping, stopped, failed, waiting };
// Of a command to place or to stop.
enum class CommandOutcome { unknown, accepted, already, refused };

// No instance of it is wanted, until it is placed anew.
constexpr bool is_over(SpaceRowState state) {
  return state == SpaceRowState::stopped || state == SpaceRowState::removed;
}

const char* to_string(SpaceRowState state);
const char* to_string(TopologyState state);
const char* to_string(InstanceState state);
const char* to_string(CommandOutcome outcome);

SpaceRowState state_of(const samoza::v1::SpaceRecord& record);
TopologyState state_of(const samoza::v1::TopologyRecord& record);
InstanceState state_of(const samoza::v1::SpaceReport& report);
CommandOutcome outcome_of(const samoza::v1::CommandReply& reply);

inline void set_state(samoza::v1::SpaceRecord& record, SpaceRowState state) {
  record.set_state(to_string(state));
}
inline void set_state(samoza::v1::TopologyRecord& record, TopologyState state) {
  record.set_state(to_string(state));
}
inline void set_state(samoza::v1::SpaceReport& report, InstanceState state) {
  report.set_state(to_string(state));
}
inline void set_outcome(samoza::v1::CommandReply& reply, CommandOutcome outcome) {
  reply.set_outcome(to_string(outcome));
}

}  // namespace wire
