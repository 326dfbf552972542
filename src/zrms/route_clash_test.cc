// SPDX-License-Identifier: Apache-2.0
#include "zrms/route_clash.h"

#include <gtest/gtest.h>

namespace zrms {
namespace {

model::Topology topology(const std::string& name, const std::vector<std::string>& routes) {
  model::Topology made;
  made.name = name;
  for (const auto& route : routes) {
    made.spaces.emplace_back().name = "of" + route;
    made.spaces.back().route = route;
  }
  return made;
}

struct Fixture {
  std::map<std::string, TopologyRow> rows;
  TopologyRow& add(const std::string& name, const std::vector<std::string>& routes) {
    auto& row = rows[name];
    row.text = text_of(topology(name, routes));
    row.record.set_desired(v1::DESIRED_RUNNING);
    return row;
  }
  std::string other(const std::string& name, const std::vector<std::string>& routes) {
    return find_route_clash(rows, topology(name, routes)).other;
  }
};

TEST(RouteClashTest, ARouteIsOfOneTopologyUntilItGivesItUp) {
  Fixture f;
  f.add("shop", {"/shop", ""});
  EXPECT_EQ(f.other("shop", {"/shop"}), "") << "its own";
  EXPECT_EQ(f.other("new", {"/shop/admin", "", "/other"}), "");
  const auto clash = find_route_clash(f.rows, topology("new", {"/other", "/shop"}));
  EXPECT_EQ(clash.route, "/shop");
  EXPECT_EQ(clash.space, "of/shop");
  EXPECT_EQ(clash.other, "shop");
}

TEST(RouteClashTest, AStoppedTopologyKeepsItsRoutesADeletedOneAndARemovedSpaceDoNot) {
  Fixture f;
  auto& row = f.add("shop", {"/shop"});
  row.record.set_desired(v1::DESIRED_STOPPED);
  EXPECT_EQ(f.other("new", {"/shop"}), "shop");
  auto spec = row.spec();
  spec.spaces[0].removed = true;
  row.text = text_of(spec);
  EXPECT_EQ(f.other("new", {"/shop"}), "");
  spec.spaces[0].removed = false;
  row.text = text_of(spec);
  row.record.set_desired(v1::DESIRED_DELETED);
  EXPECT_EQ(f.other("new", {"/shop"}), "");
}

TEST(RouteClashTest, ATopologyThatWouldTakeTheRouteOfAnotherIsToldWhose) {
  Records records;
  v1::TopologyRecord record;
  record.set_id("1");
  record.set_desired(v1::DESIRED_RUNNING);
  records.apply({change_of(TopologyRow{}, record, text_of(topology("shop", {"/shop"})))});
  EXPECT_TRUE(may_have_routes(records, topology("shop", {"/shop"})));
  const auto refused = may_have_routes(records, topology("new", {"/shop"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, stdx::Code::already_exists);
  EXPECT_NE(refused.error().message.find("topology 'shop'"), std::string::npos);
}

}  // namespace
}  // namespace zrms
