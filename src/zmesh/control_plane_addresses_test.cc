// SPDX-License-Identifier: Apache-2.0
#include "zmesh/control_plane_addresses.h"

#include <gtest/gtest.h>

namespace zmesh {
namespace {

using List = std::vector<std::string>;
const ports::Endpoint configured{ports::Endpoint::Kind::websocket, "10.0.0.1", 9000, "/ws"};

TEST(ControlPlaneAddressesTest, TheConfiguredOneIsUsedAndTheOthersOneAfterTheOtherWhenOneFails) {
  ControlPlaneAddresses addresses(configured);
  addresses.failed(configured);
  EXPECT_EQ(addresses.websocket(), configured) << "there is no other";
  addresses.learn(List{"10.0.0.1:9000", "[fd00::1]:9000", "plant.example:9443"});
  EXPECT_EQ(addresses.size(), 3u) << "one of them is known";
  EXPECT_EQ(addresses.websocket(), configured);
  addresses.failed(configured);
  EXPECT_EQ(addresses.websocket().host, "fd00::1");
  EXPECT_EQ(addresses.https(), ports::Endpoint::https("fd00::1", 9000));
  addresses.failed(configured);
  EXPECT_EQ(addresses.websocket().host, "fd00::1") << "that is no news";
  addresses.failed(addresses.https());
  EXPECT_EQ(addresses.websocket().host, "plant.example");
  EXPECT_EQ(addresses.websocket().port, 9443);
  EXPECT_EQ(addresses.websocket().path, "/ws");
  addresses.failed(addresses.websocket());
  EXPECT_EQ(addresses.websocket(), configured);
}

TEST(ControlPlaneAddressesTest, WhatIsNoAddressIsLeftOutAndTheListIsBounded) {
  ControlPlaneAddresses addresses(configured);
  addresses.learn(List{"", "x", "a b:1", "h:0"});
  EXPECT_EQ(addresses.size(), 1u);
  for (int i = 0; i < 100; ++i) addresses.learn(List{"10.1.0." + std::to_string(i) + ":9000"});
  EXPECT_EQ(addresses.size(), ControlPlaneAddresses::addresses_max);
  EXPECT_EQ(addresses.websocket(), configured) << "that one stays";
}

}  // namespace
}  // namespace zmesh
