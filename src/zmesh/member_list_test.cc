// SPDX-License-Identifier: Apache-2.0
#include "zmesh/member_list.h"

#include <gtest/gtest.h>

namespace zmesh {
namespace {

using Heard = MemberList::Heard;

v1::MembersChanged said(std::uint64_t sequence, std::uint64_t base,
                        const std::vector<std::string>& peers,
                        const std::vector<std::string>& gone = {}) {
  v1::MembersChanged now;
  now.set_sequence(sequence);
  now.set_base(base);
  for (const auto& name : peers) now.add_peers()->set_zhost_id(name);
  for (const auto& name : gone) now.add_gone(name);
  return now;
}
std::string names(const MemberList& list) {
  std::string all;
  for (const auto& peer : list.list().peers()) all += peer.zhost_id();
  return all;
}

TEST(MemberListTest, ChangesAddUpToTheList) {
  MemberList list;
  EXPECT_EQ(list.take(said(4, 0, {"a", "b"})), Heard::news);
  EXPECT_EQ(list.take(said(5, 4, {"c"}, {"a"})), Heard::news);
  EXPECT_EQ(names(list), "bc");
  EXPECT_EQ(list.take(said(5, 4, {"z"})), Heard::old);
  EXPECT_EQ(list.take(said(3, 0, {"z"})), Heard::old);
  EXPECT_EQ(names(list), "bc");
  EXPECT_EQ(list.list().sequence() + list.list().base(), 0u) << "numbers are the link's affair";
  EXPECT_EQ(list.list().gone_size(), 0);
}

TEST(MemberListTest, AnAnswerWithTheNumberOfAnAnnouncementMayBeNewerThanIt) {
  MemberList list;
  list.take(said(4, 0, {"a"}));
  EXPECT_EQ(list.take(said(4, 0, {"a", "b"})), Heard::news);
  EXPECT_EQ(list.take(said(6, 3, {"c"})), Heard::news) << "it builds on something older";
  EXPECT_EQ(names(list), "abc");
}

TEST(MemberListTest, WithoutWhatAChangeBuildsOnNothingIsTaken) {
  MemberList list;
  EXPECT_EQ(list.take(said(2, 1, {"a"})), Heard::gap);
  list.take(said(2, 0, {"a"}));
  EXPECT_EQ(list.take(said(4, 3, {"b"})), Heard::gap);
  EXPECT_EQ(names(list), "a");
  EXPECT_EQ(list.take(said(4, 0, {"a", "b"})), Heard::news);
}

// A control plane that starts anew counts from one again.
TEST(MemberListTest, TheNumbersOfAFormerLinkSayNothing) {
  MemberList list;
  list.take(said(40, 0, {"a"}));
  list.begin_anew();
  EXPECT_EQ(names(list), "a") << "what is known stays in force";
  EXPECT_EQ(list.take(said(41, 40, {"b"})), Heard::gap);
  EXPECT_EQ(list.take(said(1, 0, {"b"})), Heard::news);
  EXPECT_EQ(names(list), "b");
}

TEST(MemberListTest, AChangeThatSaysNothingOfTheRecordsLeavesThem) {
  MemberList list;
  auto whole = said(1, 0, {"a"});
  whole.mutable_records()->set_lineage("l");
  list.take(whole);
  list.take(said(2, 1, {"b"}));
  EXPECT_EQ(list.list().records().lineage(), "l");
}

}  // namespace
}  // namespace zmesh
