// SPDX-License-Identifier: Apache-2.0
#include "zmesh/neighbours.h"

#include <gtest/gtest.h>

namespace zmesh {
namespace {

using Heard = NeighbourTable::Heard;

v1::Neighbours said(std::string zhost, std::uint64_t sequence, std::vector<std::string> linked) {
  v1::Neighbours n;
  n.set_zhost(std::move(zhost));
  n.set_sequence(sequence);
  for (auto& l : linked) n.add_linked(std::move(l));
  return n;
}

TEST(NeighbourTableTest, RPing3APeerWithoutALinkIsReachedThroughOneThatHasIt) {
  NeighbourTable table("a");
  table.link_up("b");
  EXPECT_EQ(table.next_hop("b"), "b");
  EXPECT_EQ(table.next_hop("c"), std::nullopt);
  EXPECT_EQ(table.learn(said("b", 1, {"a", "c"})), Heard::news);
  EXPECT_EQ(table.next_hop("c"), "b");
  EXPECT_EQ(table.next_hop("c", "b"), std::nullopt) << "never back where it came from";
}

TEST(NeighbourTableTest, OldWordsDoNotReplaceNewerOnesAndALostLinkForgetsThem) {
  NeighbourTable table("a");
  table.link_up("b");
  EXPECT_EQ(table.learn(said("b", 2, {"c"})), Heard::news);
  EXPECT_EQ(table.learn(said("b", 2, {})), Heard::old);
  EXPECT_EQ(table.learn(said("b", 1, {})), Heard::old);
  EXPECT_EQ(table.next_hop("c"), "b");
  table.link_down("b");
  EXPECT_EQ(table.next_hop("c"), std::nullopt);
  table.link_up("b");
  EXPECT_EQ(table.learn(said("b", 1, {"c"})), Heard::news) << "a restarted peer counts from one";
}

// Everything to a peer that is new, what changed to the others: each ends with the same picture.
TEST(NeighbourTableTest, RPing3WhatChangedIsSaidAloneAndAddsUpToTheWhole) {
  NeighbourTable a("a"), b("b");
  b.link_up("a");
  a.link_up("b");
  auto news = a.take_news();
  EXPECT_EQ(news.fresh, std::set<std::string>{"b"});
  EXPECT_EQ(b.learn(news.whole), Heard::news);
  a.link_up("c");
  a.link_up("d");
  news = a.take_news();
  EXPECT_EQ(news.fresh, (std::set<std::string>{"c", "d"}));
  ASSERT_TRUE(news.changed);
  EXPECT_EQ(news.changed->linked_size(), 2) << "and not b, which is known";
  EXPECT_EQ(b.learn(*news.changed), Heard::news);
  EXPECT_EQ(b.learn(*news.changed), Heard::old);
  a.link_down("c");
  EXPECT_EQ(b.learn(*a.take_news().changed), Heard::news);
  EXPECT_EQ(b.links_of("a"), (std::set<std::string>{"b", "d"}));
  EXPECT_FALSE(a.take_news().changed) << "nothing changed";
}

TEST(NeighbourTableTest, WhoMissedSomethingTakesNothingUntilItHasTheWhole) {
  NeighbourTable a("a"), b("b");
  a.link_up("b");
  b.link_up("a");
  a.take_news();
  a.link_up("c");
  EXPECT_EQ(b.learn(*a.take_news().changed), Heard::gap);
  EXPECT_EQ(b.next_hop("c"), std::nullopt);
  EXPECT_EQ(b.learn(a.whole()), Heard::news);
  EXPECT_EQ(b.next_hop("c"), "a");
  // A link that went and came within one announcement: the peer has forgotten, and is fresh again.
  a.link_down("b");
  a.link_up("b");
  const auto news = a.take_news();
  EXPECT_FALSE(news.changed);
  EXPECT_EQ(news.fresh, std::set<std::string>{"b"});
}

TEST(NeighbourTableTest, AListThatOnlyGrowsIsBounded) {
  NeighbourTable b("b");
  b.link_up("a");
  EXPECT_EQ(b.learn(said("a", 1, {})), Heard::news);
  v1::NeighboursChanged changed;
  changed.set_zhost("a");
  changed.set_sequence(2);
  for (std::size_t i = 0; i <= NeighbourTable::linked_max; ++i)
    changed.add_linked("n" + std::to_string(i));
  EXPECT_EQ(b.learn(changed), Heard::old);
  EXPECT_TRUE(b.links_of("a").empty());
}

}  // namespace
}  // namespace zmesh
