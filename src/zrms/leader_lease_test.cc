// SPDX-License-Identifier: Apache-2.0
#include "zrms/leader_lease.h"

#include <gtest/gtest.h>

namespace zrms {
namespace {

using namespace std::chrono_literals;
constexpr stdx::Instant t0{};

LeaderLease holder() {
  LeaderLease lease("a/1/1", {});
  lease.set_candidate(true);
  EXPECT_TRUE(lease.next(t0)->is_read);
  lease.answered(TermSeen{0, "", 0}, t0);
  const auto ask = lease.next(t0 + 300ms);
  EXPECT_FALSE(ask->is_read);
  EXPECT_EQ(ask->term, 1u);
  lease.answered(TermSeen{1, "a/1/1", 1}, t0 + 400ms);
  return lease;
}

TEST(LeaderLeaseTest, P6ARenewalCountsFromItsSend) {
  const auto lease = holder();  // sent at 300 ms
  EXPECT_TRUE(lease.leads(t0 + 2699ms));
  EXPECT_FALSE(lease.leads(t0 + 2700ms));
}

TEST(LeaderLeaseTest, P6AReadAfterAnUnknownOutcomeNeverExtendsTheLease) {
  auto lease = holder();
  EXPECT_FALSE(lease.next(t0 + 1300ms)->is_read);
  lease.answered(stdx::fail(stdx::Code::timeout, ""), t0 + 2300ms);
  EXPECT_TRUE(lease.next(t0 + 2300ms)->is_read);
  lease.answered(TermSeen{1, "a/1/1", 2}, t0 + 2400ms);
  EXPECT_FALSE(lease.leads(t0 + 2700ms));
  const auto renew = lease.next(t0 + 2800ms);
  ASSERT_TRUE(renew);
  EXPECT_FALSE(renew->is_read);
  EXPECT_EQ(renew->expected_version, 2u);
  EXPECT_EQ(renew->term, 1u);
}

TEST(LeaderLeaseTest, P6AChallengerWaits105PercentOfTheLeaseFromTheFirstReplyWithThatVersion) {
  LeaderLease lease("b/1/1", {});
  lease.set_candidate(true);
  lease.next(t0);
  lease.answered(TermSeen{4, "a/1/1", 9}, t0 + 100ms);
  EXPECT_TRUE(lease.next(t0 + 3200ms)->is_read);
  lease.answered(TermSeen{4, "a/1/1", 9}, t0 + 3240ms);
  const auto take = lease.next(t0 + 3550ms);
  ASSERT_TRUE(take);
  EXPECT_FALSE(take->is_read);
  EXPECT_EQ(take->expected_version, 9u);
  EXPECT_EQ(take->term, 5u);
}

TEST(LeaderLeaseTest, P6AfterALostRaceTheRowIsReadBeforeAnotherChallenge) {
  LeaderLease lease("b/1/1", {});
  lease.set_candidate(true);
  lease.next(t0);
  lease.answered(TermSeen{0, "", 0}, t0);
  EXPECT_FALSE(lease.next(t0 + 300ms)->is_read);
  lease.answered(stdx::fail(stdx::Code::conflict, ""), t0 + 301ms);
  EXPECT_TRUE(lease.next(t0 + 301ms)->is_read);
  lease.answered(TermSeen{1, "a/1/1", 1}, t0 + 302ms);
  EXPECT_TRUE(lease.next(t0 + 700ms)->is_read) << "the winner has its lease first";
}

LeaderLease unsure_challenger() {
  LeaderLease lease("b/1/1", {});
  lease.set_candidate(true);
  lease.next(t0);
  lease.answered(TermSeen{4, "a/1/1", 9}, t0 + 100ms);
  const auto take = lease.next(t0 + 3300ms);
  EXPECT_FALSE(take->is_read);
  lease.answered(stdx::fail(stdx::Code::timeout, ""), t0 + 4300ms);
  return lease;
}

TEST(LeaderLeaseTest, ARenewalThatTheDatabaseRefusesIsNotRepeatedAtOnce) {
  for (const auto code : {stdx::Code::unavailable, stdx::Code::full}) {
    auto lease = holder();
    EXPECT_FALSE(lease.next(t0 + 1300ms)->is_read);
    lease.answered(stdx::fail(code, "database or disk is full"), t0 + 1301ms);
    EXPECT_FALSE(lease.next(t0 + 1400ms));
    EXPECT_FALSE(lease.next(t0 + 2300ms)->is_read);
  }
}

TEST(LeaderLeaseTest, P6AChallengerWithAnUnknownOutcomeReadsBeforeItTriesAgain) {
  auto lease = unsure_challenger();
  EXPECT_FALSE(lease.leads(t0 + 4300ms));
  const auto ask = lease.next(t0 + 4300ms);
  ASSERT_TRUE(ask);
  EXPECT_TRUE(ask->is_read);
}

TEST(LeaderLeaseTest, P6AChallengeThatWasCarriedOutUnseenIsRenewedAndThenLeads) {
  auto lease = unsure_challenger();
  lease.next(t0 + 4300ms);
  lease.answered(TermSeen{5, "b/1/1", 10}, t0 + 4400ms);
  EXPECT_FALSE(lease.leads(t0 + 4400ms)) << "a read gives no lease";
  const auto renew = lease.next(t0 + 4400ms);
  ASSERT_TRUE(renew);
  EXPECT_FALSE(renew->is_read);
  EXPECT_EQ(renew->term, 5u);
  EXPECT_EQ(renew->expected_version, 10u);
  lease.answered(TermSeen{5, "b/1/1", 11}, t0 + 4500ms);
  EXPECT_TRUE(lease.leads(t0 + 4500ms));
  EXPECT_EQ(lease.session(), 1u);
}

TEST(LeaderLeaseTest, P6AChallengeThatWasNotCarriedOutIsTriedAgainWithTheVersionThatWasRead) {
  auto lease = unsure_challenger();
  lease.next(t0 + 4300ms);
  lease.answered(TermSeen{4, "a/1/1", 9}, t0 + 4400ms);
  const auto again = lease.next(t0 + 4400ms);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->is_read);
  EXPECT_EQ(again->expected_version, 9u);
  lease = unsure_challenger();
  lease.next(t0 + 4300ms);
  lease.answered(TermSeen{4, "a/1/1", 10}, t0 + 4400ms);
  EXPECT_TRUE(lease.next(t0 + 4400ms)->is_read) << "the holder renewed: it has its lease first";
}

}  // namespace
}  // namespace zrms
