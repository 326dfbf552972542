// SPDX-License-Identifier: Apache-2.0
#include "model/topology_index.h"

#include <gtest/gtest.h>

namespace model {
namespace {

using List = std::vector<std::uint32_t>;

TEST(TopologyIndexTest, SpacesAreFoundByNameAndTiesByEitherEnd) {
  Topology topology;
  topology.spaces.resize(3);
  topology.spaces[0].name = "a";
  topology.spaces[1].name = "b";
  topology.spaces[2].name = "c";
  topology.spaces[0].placement.anti_affinity = {"b", "b", "a", "nobody"};
  topology.spaces[2].placement.affinity = {"a"};
  topology.spaces[1].placement.prefer_apart = {"c"};
  topology.paths = {{"p", "a", "b"}, {"q", "a", "b"}, {"r", "b", "b"}, {"s", "b", "c"}};
  topology.paths[3].delivery = Delivery::once;
  const TopologyIndex index(topology);
  EXPECT_EQ(index.find("c"), 2);
  EXPECT_EQ(index.find("d"), -1);
  EXPECT_EQ(index.ties(0).anti_affinity, List{1});
  EXPECT_EQ(index.ties(1).anti_affinity, List{0});
  EXPECT_EQ(index.ties(0).affinity, List{2});
  EXPECT_EQ(index.ties(2).prefer_apart, List{1});
  EXPECT_EQ(index.ties(0).paths, (List{1, 1})) << "two paths tie twice";
  EXPECT_EQ(index.ties(1).paths, (List{0, 0, 2})) << "a path to itself ties to nothing";
  EXPECT_EQ(index.ties(1).senders, (List{0, 1})) << "but it is a sender";
  EXPECT_TRUE(index.ties(2).once);
  EXPECT_FALSE(index.ties(0).once);
}

}  // namespace
}  // namespace model
