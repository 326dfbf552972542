// SPDX-License-Identifier: Apache-2.0
#include "zrms/away.h"

#include <gtest/gtest.h>

namespace zrms {
namespace {

using namespace std::chrono_literals;

constexpr stdx::WallTime at(std::chrono::seconds seconds) {
  return stdx::WallTime(seconds);
}

TEST(AwayTest, NothingIsSaidWhileThereIsALeaderThoughTheControlPlaneIsAwayForAMoment) {
  Away away;
  away.leader_is(true, at(0s));
  away.control_plane_is("not reached", at(1s));
  EXPECT_EQ(away.sentence(), "");
  away.control_plane_is("", at(2s));
  EXPECT_EQ(away.sentence(), "");
}

TEST(AwayTest, SinceWhenIsTheTimeOfTheFirstSignAndStaysWhileItLasts) {
  Away away;
  away.control_plane_is("not reached", at(10s));
  away.leader_is(false, at(14s));
  away.control_plane_is("refused", at(20s));
  away.leader_is(false, at(24s));
  const auto said = away.sentence();
  EXPECT_TRUE(
      said.starts_with("the cluster has no leader since 1970-01-01T00:00:10Z: refused; "
                       "bring the control plane back. "))
      << said;
  EXPECT_NE(said.find("Spaces and their messages run on"), std::string::npos);
  away.leader_is(true, at(30s));
  EXPECT_EQ(away.sentence(), "");
  away.control_plane_is("", at(30s));
  away.leader_is(false, at(40s));
  EXPECT_TRUE(away.sentence().starts_with(
      "the cluster has no leader since 1970-01-01T00:00:40Z: no super holds the term"))
      << away.sentence();
}

TEST(AwayTest, AZhostThatHasJustStartedSaysThatInsteadOfATrouble) {
  Away away;
  away.control_plane_is("not reached: connection refused; bring it back", at(10s));
  away.leader_is(false, at(10s));
  away.leader_is(false, at(13s));
  EXPECT_EQ(away.sentence(),
            "this zhost has just started and knows no leader yet: not reached: connection "
            "refused; that takes some seconds");
  away.leader_is(false, at(20s));
  EXPECT_TRUE(away.sentence().starts_with("the cluster has no leader since")) << away.sentence();
  away.leader_is(true, at(21s));
  away.leader_is(false, at(22s));
  EXPECT_TRUE(away.sentence().starts_with("the cluster has no leader since")) << "it had one";
}

TEST(AwayTest, RecordsThatAreBehindSayThemselvesWhatToDo) {
  Away away;
  away.control_plane_is("the records are behind: run `cluster recover`", at(1s));
  away.leader_is(false, at(2s));
  EXPECT_NE(away.sentence().find(": the records are behind: run `cluster recover`. Until"),
            std::string::npos);
}

}  // namespace
}  // namespace zrms
