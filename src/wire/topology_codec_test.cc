// SPDX-License-Identifier: Apache-2.0
#include "wire/topology_codec.h"

#include <gtest/gtest.h>

namespace wire {
namespace {

TEST(TopologyCodecTest, EveryFieldOfATopologySurvivesTheWire) {
  model::Topology topology;
  topology.name = "t";
  topology.owner = "a@b.example";
  model::Space space;
  space.name = "s";
  space.type = model::SpaceType::data;
  space.capabilities = {"data.read", "sys.log"};
  space.path = "/root";
  space.limits = {1, 2, 3, 4, 5, 6, 7};
  space.placement = {{"a"}, {"b"}, {"c"}, "lab", {{"kind", "edge"}}, {"camera"}};
  space.store = model::StoreKind::cluster;
  space.config = {{"RATE", "1000"}};
  space.mex_sha256 = "00";
  space.entry = "spaces/s/core.wasm";
  space.cpu_share = 0.5;
  space.idle = model::Idle::wait;
  space.endpoints = {"https://example.org"};
  space.ingress = true;
  space.route = "/shop";
  topology.spaces = {space};
  topology.paths = {{"p", "s", "s", model::Delivery::at_most_once}};
  topology.paths[0].out = "here";
  topology.paths[0].in = "there";
  EXPECT_EQ(from_wire(to_wire(topology)), topology);
}

TEST(TopologyCodecTest, UnknownTypesFromOutsideAreErrors) {
  samoza::v1::TopologySpec spec;
  spec.add_spaces()->set_type("FUNC");
  EXPECT_FALSE(from_wire(spec));
}

}  // namespace
}  // namespace wire
