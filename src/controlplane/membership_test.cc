// SPDX-License-Identifier: Apache-2.0
#include "controlplane/membership.h"

#include <gtest/gtest.h>

namespace controlplane {
namespace {

using namespace std::chrono_literals;
constexpr stdx::Instant t0{};

v1::Member member(const std::string& id, std::uint64_t incarnation = 1) {
  v1::Member m;
  m.set_zhost_id(id);
  m.set_incarnation(incarnation);
  return m;
}

TEST(MembershipTest, RJoinANewerIncarnationReplacesAndAnOlderOneIsStale) {
  Membership membership;
  EXPECT_EQ(*membership.admit(member("a", 5)), 0u);
  membership.learn(member("a", 5), 1, t0);
  EXPECT_EQ(*membership.admit(member("a", 6)), 1u);
  EXPECT_EQ(membership.admit(member("a", 4)).error().code, stdx::Code::stale);
}

// (zhost, incarnation) is the identity that P4 and P12 stand on.
TEST(MembershipTest, P12TwoZhostsOfOneIdThatBothCountFrom1AreTold) {
  Membership membership;
  auto first = member("edge");
  first.set_address("127.0.0.1");
  first.set_port(9201);
  membership.learn(first, 1, t0);
  EXPECT_TRUE(membership.admit(first)) << "its zmesh was started again";
  auto second = first;
  second.set_address("127.0.0.2");
  const auto refused = membership.admit(second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, stdx::Code::stale);
  EXPECT_NE(refused.error().message.find("from 127.0.0.1:9201, not 127.0.0.2:9201"),
            std::string::npos);
  second = first;
  second.set_port(9301);
  EXPECT_FALSE(membership.admit(second));
  second.set_incarnation(2);
  EXPECT_TRUE(membership.admit(second)) << "a later life may have another address";
}

// R-ROLE-2, R-ROLE-5: the control plane chooses the supers, no configuration does.
TEST(MembershipTest, RDec3UpToThreeSupersInOrderAndAnAbsentOneGivesWay) {
  Membership membership;
  for (const char* id : {"d", "b", "a", "c"}) membership.learn(member(id), 1, t0);
  EXPECT_EQ(membership.supers(t0), (std::vector<std::string>{"a", "b", "c"}));
  for (const char* id : {"b", "c", "d"}) membership.linked(id, true, t0);
  EXPECT_EQ(membership.supers(t0 + 21s), (std::vector<std::string>{"b", "c", "d"}));
}

TEST(MembershipTest, RDec6AForgottenZhostIsNoMemberAndComesBackOnlyAsANewLife) {
  Membership membership;
  membership.learn(member("a", 3), 1, t0);
  membership.learn(member("b"), 1, t0);
  EXPECT_EQ(membership.to_forget("c", 1).error().code, stdx::Code::not_found);
  EXPECT_EQ(membership.to_forget("a", 2).error().code, stdx::Code::stale);
  const auto row = membership.to_forget("a", 3);
  ASSERT_TRUE(row);
  membership.learn(row->member, row->version + 1, t0);
  EXPECT_EQ(membership.members().size(), 1u);
  EXPECT_EQ(membership.supers(t0), std::vector<std::string>{"b"});
  EXPECT_EQ(membership.to_forget("a", 3).error().code, stdx::Code::not_found);
  EXPECT_EQ(membership.admit(member("a", 3)).error().code, stdx::Code::stale);
  EXPECT_EQ(*membership.admit(member("a", 4)), 2u);
}

TEST(MembershipTest, TheThousandAndFirstZhostIsRefused) {
  Membership membership;
  for (int i = 0; i < 1000; ++i) membership.learn(member("z" + std::to_string(i)), 1, t0);
  EXPECT_EQ(membership.admit(member("more")).error().code, stdx::Code::full);
  EXPECT_TRUE(membership.admit(member("z7", 2)));
}

TEST(MembershipTest, WhoLinksAndNeverRegistersLeavesNothingBehind) {
  Membership membership;
  for (int i = 0; i < 1000; ++i) {
    membership.linked("stranger" + std::to_string(i), true, t0);
    membership.linked("stranger" + std::to_string(i), false, t0);
  }
  EXPECT_EQ(membership.remembered(), 0u);
  membership.learn(member("a"), 1, t0);
  membership.linked("a", true, t0);
  membership.linked("a", false, t0);
  EXPECT_EQ(membership.remembered(), 1u) << "a member is missed for a while";
  membership.forget("a");
  EXPECT_EQ(membership.remembered(), 0u);
}

}  // namespace
}  // namespace controlplane
