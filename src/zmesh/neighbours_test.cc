// SPDX-License-Identifier: Apache-2.0
#include "zmesh/neighbours.h"

#include <gtest/gtest.h>

namespace zmesh {
namespace {

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
  EXPECT_TRUE(table.learn(said("b", 1, {"a", "c"})));
  EXPECT_EQ(table.next_hop("c"), "b");
  EXPECT_EQ(table.next_hop("c", "b"), std::nullopt) << "never back where it came from";
}

TEST(NeighbourTableTest, OldWordsDoNotReplaceNewerOnesAndALostLinkForgetsThem) {
  NeighbourTable table("a");
  table.link_up("b");
  EXPECT_TRUE(table.learn(said("b", 2, {"c"})));
  EXPECT_FALSE(table.learn(said("b", 2, {})));
  EXPECT_FALSE(table.learn(said("b", 1, {})));
  EXPECT_EQ(table.next_hop("c"), "b");
  table.link_down("b");
  EXPECT_EQ(table.next_hop("c"), std::nullopt);
  table.link_up("b");
  EXPECT_TRUE(table.learn(said("b", 1, {"c"}))) << "a restarted peer counts from one";
}

}  // namespace
}  // namespace zmesh
