// SPDX-License-Identifier: Apache-2.0
#include "controlplane/member_news.h"

#include <gtest/gtest.h>

namespace controlplane {
namespace {

v1::MembersChanged members(const std::vector<std::string>& names, std::uint64_t term = 1) {
  v1::MembersChanged now;
  now.set_term(term);
  for (const auto& name : names) now.add_peers()->set_zhost_id(name);
  return now;
}

TEST(MemberNewsTest, ALinkThatHeardNothingGetsTheWholeAndTheOthersWhatChanged) {
  MemberNews news;
  ASSERT_TRUE(news.announce(members({"a", "b"})));
  EXPECT_EQ(news.for_link(0).peers_size(), 2);
  EXPECT_EQ(news.for_link(0).base(), 0u);
  const auto told = news.sequence();
  ASSERT_TRUE(news.announce(members({"b", "c"})));
  const auto& changed = news.for_link(told);
  EXPECT_EQ(changed.base(), told);
  ASSERT_EQ(changed.peers_size(), 1);
  EXPECT_EQ(changed.peers(0).zhost_id(), "c");
  ASSERT_EQ(changed.gone_size(), 1);
  EXPECT_EQ(changed.gone(0), "a");
  EXPECT_EQ(changed.term(), 1u) << "all but the members is small, and always whole";
  EXPECT_EQ(news.for_link(0).peers_size(), 2);
  ASSERT_TRUE(news.announce(members({"b", "c"}, 2)));
  EXPECT_EQ(news.for_link(told).base(), 0u) << "it missed one: the whole";
  EXPECT_TRUE(news.for_link(told + 1).peers().empty());
}

TEST(MemberNewsTest, WhatIsAnnouncedAlreadyIsNotAnnouncedAgain) {
  MemberNews news;
  EXPECT_TRUE(news.announce(members({}))) << "that nobody is there is news, once";
  EXPECT_FALSE(news.announce(members({})));
  EXPECT_TRUE(news.announce(members({"a"})));
  EXPECT_FALSE(news.announce(members({"a"})));
}

// Who was answered between two announcements may know what never is announced.
TEST(MemberNewsTest, WhatOnlyAnAnswerSaidIsTakenBackByTheNextAnnouncement) {
  MemberNews news;
  news.announce(members({"a", "b"}));
  EXPECT_EQ(news.answer(members({"a", "ghost"}, 2)).sequence(), news.sequence());
  ASSERT_TRUE(news.announce(members({"a", "b"})));
  const auto& changed = news.for_link(1);
  ASSERT_EQ(changed.peers_size(), 1) << "left out by the answer";
  EXPECT_EQ(changed.peers(0).zhost_id(), "b");
  ASSERT_EQ(changed.gone_size(), 1);
  EXPECT_EQ(changed.gone(0), "ghost");
  EXPECT_EQ(changed.term(), 1u);
  EXPECT_FALSE(news.announce(members({"a", "b"})));
}

}  // namespace
}  // namespace controlplane
