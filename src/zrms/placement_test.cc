// SPDX-License-Identifier: Apache-2.0
#include "zrms/placement.h"

#include <gtest/gtest.h>

namespace zrms {
namespace {

constexpr std::uint64_t mib = 1u << 20;

model::Topology topology_of(const std::vector<std::string>& names) {
  model::Topology topology;
  for (const auto& name : names) topology.spaces.emplace_back().name = name;
  return topology;
}

std::vector<Candidate> candidates_of(const std::vector<std::string>& names) {
  std::vector<Candidate> out;
  for (const auto& name : names) {
    auto& made = out.emplace_back();
    made.zhost = name;
    made.memory_bytes = 64 * mib;
  }
  return out;
}

PlacementChoice place(const model::Topology& topology, std::size_t space,
                      const std::map<std::string, std::string>& placed,
                      const std::vector<Candidate>& there, const std::string& only_on = "",
                      const std::string& avoid = "") {
  const model::TopologyIndex index(topology);
  return Candidates(there).choose({topology, index, static_cast<std::uint32_t>(space),
                                   [&](std::uint32_t other) {
                                     const auto at = placed.find(topology.spaces[other].name);
                                     return at == placed.end() ? nullptr : &at->second;
                                   },
                                   only_on, avoid});
}

TEST(PlacementTest, RFail8AFailedZhostIsLeftOutAndTheChoiceSaysWhy) {
  auto there = candidates_of({"a", "b"});
  there[0].available = false;
  there[0].unavailable = "unavailable: it failed";
  const auto choice = place(topology_of({"x"}), 0, {}, there);
  EXPECT_EQ(choice.zhost, "b");
  EXPECT_EQ(choice.refusals, std::vector<std::string>{"a: unavailable: it failed"});
}

TEST(PlacementTest, AZhostTakesNoMoreSpacesThanItRegisteredFor) {
  auto there = candidates_of({"a", "b"});
  there[0].spaces = there[0].spaces_max = 3;
  there[1].spaces = 5;
  there[1].spaces_max = 6;
  const auto choice = place(topology_of({"x"}), 0, {}, there);
  EXPECT_EQ(choice.zhost, "b") << "though a has fewer";
  EXPECT_EQ(choice.refusals,
            std::vector<std::string>{"a: it has 3 spaces, its limit (zrun.limits.spaces)"});
  EXPECT_EQ(no_room_for(topology_of({"x"}), there), "");
  EXPECT_EQ(no_room_for(topology_of({"x", "y"}), there),
            "topology '' has 2 spaces, but the zhosts take only 1 more (zrun.limits.spaces: "
            "a has 3 of 3, b has 5 of 6)");
  there[0].spaces_max = 0;
  EXPECT_EQ(no_room_for(topology_of({"x", "y"}), there), "") << "one that did not say";
}

// R-PLACE-4: a rule of anti-affinity is never broken.
TEST(PlacementTest, S21AntiAffinityHoldsWhicheverSideNamesIt) {
  auto topology = topology_of({"x", "y"});
  topology.spaces[0].placement.anti_affinity = {"y"};
  for (std::size_t space : {0u, 1u}) {
    const std::map<std::string, std::string> placed{{space == 0 ? "y" : "x", "a"}};
    EXPECT_EQ(place(topology, space, placed, candidates_of({"a", "b"})).zhost, "b");
    const auto refused = place(topology, space, placed, candidates_of({"a"}));
    EXPECT_FALSE(refused.zhost);
    EXPECT_EQ(refused.refusals.size(), 1u);
  }
}

// R-PLACE-1, R-PLACE-2, R-PLACE-3: memory, devices, region and labels.
TEST(PlacementTest, RPlaceCapacityDevicesRegionAndLabelsAreKept) {
  auto topology = topology_of({"x"});
  auto& rules = topology.spaces[0].placement;
  auto there = candidates_of({"a", "b"});
  there[0].memory_promised_bytes = 60 * mib;  // 16 MiB more do not fit in 64
  EXPECT_EQ(place(topology, 0, {}, there).zhost, "b");
  there[0].memory_promised_bytes = 48 * mib;
  EXPECT_EQ(place(topology, 0, {}, there).zhost, "a") << "exactly full is not too full";
  rules.devices = {"camera"};
  EXPECT_FALSE(place(topology, 0, {}, there).zhost);
  there[1].devices = {"camera"};
  EXPECT_EQ(place(topology, 0, {}, there).zhost, "b");
  rules.labels = {{"rack", "1"}};
  EXPECT_FALSE(place(topology, 0, {}, there).zhost);
  there[1].labels = {{"rack", "1"}};
  EXPECT_EQ(place(topology, 0, {}, there).zhost, "b");
  rules.region = "eu";
  EXPECT_EQ(place(topology, 0, {}, there).refusals.size(), 2u);
}

TEST(PlacementTest, RComp3FewerSpacesWinThenTheSmallestId) {
  const auto topology = topology_of({"x"});
  auto there = candidates_of({"c", "b", "a"});
  EXPECT_EQ(place(topology, 0, {}, there).zhost, "a");
  there[2].spaces = 1;
  EXPECT_EQ(place(topology, 0, {}, there).zhost, "b");
}

// R-PLACE-4: affinity is a preference.
TEST(PlacementTest, RPlacePreferencesBendBeforeTheyRefuse) {
  auto topology = topology_of({"x", "y"});
  topology.spaces[1].placement.prefer_apart = {"x"};
  auto there = candidates_of({"a", "b"});
  there[1].spaces = 9;
  EXPECT_EQ(place(topology, 1, {{"x", "a"}}, there).zhost, "b");
  EXPECT_EQ(place(topology, 1, {{"x", "a"}}, candidates_of({"a"})).zhost, "a");
  topology.spaces[1].placement = {};
  topology.spaces[1].placement.affinity = {"x"};
  there[1].spaces = 0;
  EXPECT_EQ(place(topology, 1, {{"x", "b"}}, there).zhost, "b");
  EXPECT_EQ(place(topology, 1, {{"x", "b"}}, there, "", "b").zhost, "a")
      << "the zhost it just failed on is the last choice";
}

TEST(PlacementTest, RFail9ASpaceWithLocalDataGoesOnlyWhereItsDataIs) {
  const auto topology = topology_of({"x"});
  auto there = candidates_of({"a", "b"});
  EXPECT_EQ(place(topology, 0, {}, there, "b").zhost, "b");
  there[1].available = false;
  EXPECT_FALSE(place(topology, 0, {}, there, "b").zhost);
}

TEST(PlacementTest, AtSubmitOnlyWhatCanNeverBeIsRefused) {
  auto topology = topology_of({"x"});
  auto there = candidates_of({"a"});
  there[0].available = false;
  there[0].memory_promised_bytes = 64 * mib;
  const auto fits = [&] {
    const model::TopologyIndex index(topology);
    return Candidates(there).ever().choose({topology, index, 0, {}, "", ""}).zhost.has_value();
  };
  EXPECT_TRUE(fits());
  topology.spaces[0].limits.memory_bytes = 65 * mib;
  EXPECT_FALSE(fits());
}

TEST(PlacementTest, PlacingTwiceAsManySpacesLooksAtTwiceAsMuch) {
  const auto looks = [](std::size_t count) {
    model::Topology ring;
    for (std::size_t i = 0; i < count; ++i) ring.spaces.emplace_back().name = std::to_string(i);
    for (std::size_t i = 0; i < count; ++i)
      ring.paths.push_back(
          {std::to_string(i), ring.spaces[i].name, ring.spaces[(i + 1) % count].name});
    for (std::size_t i = 0; i < count; i += 10)
      ring.spaces[i].placement.anti_affinity = {ring.spaces[(i + 5) % count].name};
    std::vector<Candidate> there;
    for (const char* name : {"a", "b", "c"}) there.emplace_back().zhost = name;
    Candidates candidates(there);
    const model::TopologyIndex index(ring);
    std::vector<std::string> placed(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto choice = candidates.choose(
          {ring, index, i,
           [&](std::uint32_t other) { return placed[other].empty() ? nullptr : &placed[other]; },
           "", ""});
      EXPECT_TRUE(choice.zhost);
      placed[i] = choice.zhost.value_or("");
      candidates.promise(placed[i], ring.spaces[i]);
    }
    for (const auto& candidate : candidates.list())
      EXPECT_NEAR(static_cast<double>(candidate.spaces), static_cast<double>(count) / 3,
                  static_cast<double>(count) / 30);
    return candidates.looks();
  };
  const auto once = looks(1000);
  EXPECT_GT(once, 1000u);
  EXPECT_LE(looks(2000) * 10, once * 22);
}

}  // namespace
}  // namespace zrms
