// SPDX-License-Identifier: Apache-2.0
#include "startz/holdings.h"

#include <gtest/gtest.h>

#include <set>

#include "ports/transport.h"
#include "stdx/encoding.h"
#include "stdx/text.h"

namespace startz {
namespace {

v1::CommandHeader header(const std::string& topology, std::size_t space, std::uint64_t epoch) {
  v1::CommandHeader h;
  h.set_term(1);
  h.set_zhost("a");
  h.set_incarnation(7);
  h.set_topology_id(topology);
  // As long as a name may be.
  h.set_space(stdx::format("{:0>60}", space));
  h.set_epoch(epoch);
  return h;
}

struct Pages {
  std::size_t count = 0, largest = 0, topologies = 0;
  std::set<Gatekeeper::Key> places, floors;
};

// As the control plane asks: the places, then the floors.
Pages ask_all(const Gatekeeper& keeper) {
  Pages pages;
  v1::HoldingsRequest request;
  for (;;) {
    const auto page = holdings_of(keeper, request);
    ++pages.count;
    pages.largest = std::max(pages.largest, page.ByteSizeLong());
    for (const auto& place : page.places()) {
      const Gatekeeper::Key key{place.header().topology_id(), place.header().space()};
      EXPECT_TRUE(pages.places.insert(key).second) << "twice: " << key.second;
      pages.topologies += place.has_topology();
      request.set_after_topology(key.first);
      request.set_after_space(key.second);
    }
    for (const auto& floor : page.floors()) {
      const Gatekeeper::Key key{floor.topology_id(), floor.space()};
      EXPECT_TRUE(pages.floors.insert(key).second) << "twice: " << key.second;
      request.set_after_topology(key.first);
      request.set_after_space(key.second);
    }
    if (page.more()) continue;
    if (request.floors()) return pages;
    request.Clear();
    request.set_floors(true);
  }
}

TEST(HoldingsTest, P15AllFloorsAndATopologyOfThreeMegabytesComeInPagesThatFitAFrame) {
  constexpr std::size_t half = Gatekeeper::floors_max / 2;
  Gatekeeper keeper("a", 7);
  const auto gone = stdx::uuid_from(1, 1), here = stdx::uuid_from(2, 2);
  v1::TopologySpec spec;
  spec.set_name("large");
  spec.set_owner(std::string(3'000'000, 'x'));
  const auto text = spec.SerializeAsString();
  for (std::size_t i = 0; i < half; ++i) {
    v1::StopCommand stop;
    *stop.mutable_header() = header(gone, i, 3);
    ASSERT_EQ(keeper.stop(stop).outcome(), "accepted");
    v1::PlaceCommand place;
    *place.mutable_header() = header(here, i, 5);
    ASSERT_EQ(keeper.place(place, text).outcome(), "accepted");
  }
  const auto pages = ask_all(keeper);
  EXPECT_EQ(pages.places.size(), half);
  EXPECT_EQ(pages.floors.size(), half);
  EXPECT_EQ(pages.topologies, 1u) << "its text goes once, however many pages its spaces take";
  EXPECT_LT(pages.largest, ports::Link::frame_bytes_max - (64u << 10));
  EXPECT_LT(pages.count, 10u);
}

TEST(HoldingsTest, P15AZhostThatHoldsNothingSaysSoInOnePageOfEach) {
  const auto pages = ask_all(Gatekeeper("a", 7));
  EXPECT_EQ(pages.count, 2u);
  EXPECT_TRUE(pages.places.empty() && pages.floors.empty());
}

}  // namespace
}  // namespace startz
