// SPDX-License-Identifier: Apache-2.0
#include "model/topology.h"

#include <gtest/gtest.h>

namespace model {
namespace {

Topology good() {
  Topology topology;
  topology.name = "demo";
  topology.spaces = {{.name = "source", .type = SpaceType::io, .capabilities = {"sys.log"}},
                     {.name = "store", .type = SpaceType::data, .capabilities = {"data.write"}}};
  topology.paths = {{"readings", "source", "store"}};
  normalize(topology);
  return topology;
}

std::string first_finding(const Topology& topology) {
  const auto findings = validate(topology);
  return findings.empty() ? "" : findings[0];
}

TEST(TopologyTest, AGoodTopologyHasNoFindingsAndADataSpaceKeepsItsDataLocally) {
  EXPECT_EQ(first_finding(good()), "");
  EXPECT_EQ(good().spaces[1].store, StoreKind::local);
}

TEST(TopologyTest, RMex21dEveryPathJoinsExistingSpaces) {
  auto topology = good();
  topology.paths[0].to = "nowhere";
  EXPECT_EQ(first_finding(topology), "path 'readings': to space 'nowhere' does not exist");
}

TEST(TopologyTest, RMex21cEveryCapabilityIsKnownAndFitsTheType) {
  auto topology = good();
  topology.spaces[0].capabilities = {"camera.eat"};
  EXPECT_EQ(
      first_finding(topology),
      "space 'source': capability 'camera.eat' does not exist; type IO may use "
      "actuators.command, audio.in, audio.out, sensors.subscribe, sys.log (messages, time and "
      "sleep need no capability)");
  topology.spaces[0].capabilities = {"sensor.subscribe"};
  EXPECT_NE(first_finding(topology).find("did you mean 'sensors.subscribe'?"), std::string::npos);
  topology.spaces[0].capabilities = {"data.write"};
  EXPECT_TRUE(first_finding(topology).starts_with(
      "space 'source': a space of type IO may not use 'data.write'; type IO may use "));
}

// R-ANG-6, R-SPACE-8: names are letters, digits, `_`, `.` and `-`, and unique in a topology.
TEST(TopologyTest, NamesAreUniqueAndPlain) {
  auto topology = good();
  topology.spaces[1].name = "source";
  EXPECT_NE(first_finding(topology), "");
  for (auto name : {"", ".x", "a b", "a/b", "../x", "\xc3\xa4"})
    EXPECT_FALSE(is_name(name)) << name;
  EXPECT_FALSE(is_name(std::string(64, 'a')));
  for (auto name : {"a", "zhost-1", "Chat.Room_2", "9"}) EXPECT_TRUE(is_name(name)) << name;
}

TEST(TopologyTest, DeliveryOnceIsRefusedBetweenSpacesWithoutAStore) {
  auto topology = good();
  topology.paths[0].delivery = Delivery::once;
  EXPECT_EQ(
      first_finding(topology),
      "path 'readings': delivery 'once' needs a store at both ends; give 'source' store: local");
  topology.spaces[0].store = StoreKind::local;
  EXPECT_EQ(first_finding(topology), "");
}

TEST(TopologyTest, AUiSpaceTakesNoMessagesFromOutsideOthersMay) {
  auto topology = good();
  topology.spaces[0].ingress = true;
  EXPECT_EQ(first_finding(topology), "");
  topology.spaces.push_back({.name = "view", .type = SpaceType::ui, .ingress = true});
  EXPECT_NE(first_finding(topology).find("space 'view': ingress"), std::string::npos);
}

TEST(TopologyTest, ARouteIsOfOneCallSpaceAndNotOfTheServices) {
  const auto finding = [](SpaceType type, const std::string& route, const std::string& second) {
    auto topology = good();
    topology.spaces.push_back({.name = "shop", .type = type, .route = route});
    topology.spaces.push_back({.name = "till", .type = SpaceType::call, .route = second});
    return first_finding(topology);
  };
  EXPECT_EQ(finding(SpaceType::call, "/shop", "/shop/till"), "");
  EXPECT_NE(finding(SpaceType::io, "/shop", "").find("type CALL"), std::string::npos);
  EXPECT_NE(finding(SpaceType::call, "/v1/x", "").find("services' own"), std::string::npos);
  EXPECT_EQ(finding(SpaceType::call, "/shop", "/shop"),
            "space 'till': route '/shop' is of space 'shop' already");
}

TEST(TopologyTest, LocalNamesOfPathsAreUniqueAtTheirEnd) {
  const auto finding = [](const char* out, const char* in) {
    auto topology = good();
    topology.paths.push_back({"more", "source", "store"});
    topology.paths.back().out = out;
    topology.paths.back().in = in;
    return first_finding(topology);
  };
  EXPECT_EQ(finding("next", "incoming"), "");
  EXPECT_EQ(finding("", ""), "");
  EXPECT_EQ(finding("readings", ""),
            "path 'more': space 'source' has another path with the out 'readings'");
  EXPECT_EQ(finding("", "readings"),
            "path 'more': space 'store' has another path with the in 'readings'");
  EXPECT_EQ(finding("not a name", ""), "path 'more': out 'not a name' is not a valid name");
}

TEST(TopologyTest, PlacementRulesNameOtherSpacesOfTheTopology) {
  auto topology = good();
  topology.spaces[0].placement.anti_affinity = {"source"};
  EXPECT_NE(first_finding(topology), "");
  topology.spaces[0].placement.anti_affinity = {"store"};
  EXPECT_EQ(first_finding(topology), "");
}

TEST(TopologyTest, WhatASpaceAsksOfItsZhostHasBounds) {
  const auto finding = [](auto change) {
    auto topology = good();
    change(topology.spaces[0]);
    return first_finding(topology);
  };
  EXPECT_EQ(finding([](Space& space) { space.limits.log_bytes_per_second = 4u << 20; }), "");
  EXPECT_NE(finding([](Space& space) {
              space.limits.log_bytes_per_second = 5ull << 30;
            }).find("limits.log_bytes_per_second"),
            std::string::npos);
  EXPECT_EQ(finding([](Space& space) { space.placement.region = "eu-west"; }), "");
  for (const std::string& region : {std::string("a\0b", 3), std::string(64, 'r')})
    EXPECT_NE(
        finding([&](Space& space) { space.placement.region = region; }).find("placement.region"),
        std::string::npos)
        << region;
  EXPECT_NE(finding([](Space& space) { space.cpu_share = 65; }).find("resources.cpu"),
            std::string::npos);
}

TEST(TopologyTest, TheConfigOfASpaceIsWhatAnEnvironmentCanHold) {
  const auto finding = [](const std::string& name, const std::string& value) {
    auto topology = good();
    topology.spaces[0].config[name] = value;
    return first_finding(topology);
  };
  EXPECT_EQ(finding("GREETING", "a\nb=c"), "");
  EXPECT_EQ(finding(std::string(255, 'n'), std::string(1'000'000, 'v')), "");
  for (const std::string& name : {std::string(), std::string("a=b"), std::string("a\0b", 3),
                                  std::string("a\nb"), std::string(256, 'n')})
    EXPECT_NE(finding(name, "v").find("config has the name"), std::string::npos) << name;
  EXPECT_NE(finding("A", std::string("b\0c", 3)).find("has a NUL byte"), std::string::npos);
}

}  // namespace
}  // namespace model
