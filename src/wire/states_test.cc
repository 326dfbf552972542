// SPDX-License-Identifier: Apache-2.0
#include "wire/states.h"

#include <gtest/gtest.h>

namespace wire {
namespace {

TEST(StatesTest, WhatIsWrittenIsRead) {
  samoza::v1::SpaceRecord row;
  EXPECT_EQ(state_of(row), SpaceRowState::unknown) << "an empty text is no state";
  for (const auto state :
       {SpaceRowState::placed, SpaceRowState::running, SpaceRowState::failed,
        SpaceRowState::waiting, SpaceRowState::stopped, SpaceRowState::removed}) {
    set_state(row, state);
    EXPECT_EQ(state_of(row), state) << row.state();
  }
  samoza::v1::TopologyRecord topology;
  for (const auto state : {TopologyState::pending, TopologyState::running, TopologyState::degraded,
                           TopologyState::stopped, TopologyState::failed}) {
    set_state(topology, state);
    EXPECT_EQ(state_of(topology), state) << topology.state();
  }
  samoza::v1::SpaceReport report;
  for (const auto state : {InstanceState::starting, InstanceState::running, InstanceState::stopping,
                           InstanceState::stopped, InstanceState::failed, InstanceState::waiting}) {
    set_state(report, state);
    EXPECT_EQ(state_of(report), state) << report.state();
  }
  samoza::v1::CommandReply reply;
  for (const auto outcome :
       {CommandOutcome::accepted, CommandOutcome::already, CommandOutcome::refused}) {
    set_outcome(reply, outcome);
    EXPECT_EQ(outcome_of(reply), outcome) << reply.outcome();
  }
}

// Rows of earlier versions have these words.
TEST(StatesTest, TheWordsInRowsAndReportsStayAsTheyAre) {
  EXPECT_STREQ(to_string(SpaceRowState::removed), "removed");
  EXPECT_STREQ(to_string(TopologyState::degraded), "degraded");
  EXPECT_STREQ(to_string(InstanceState::stopping), "stopping");
  EXPECT_STREQ(to_string(CommandOutcome::already), "already");
  samoza::v1::SpaceRecord row;
  row.set_state("hibernating");
  EXPECT_EQ(state_of(row), SpaceRowState::unknown);
}

}  // namespace
}  // namespace wire
