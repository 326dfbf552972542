// SPDX-License-Identifier: Apache-2.0
#include "zrms/explain.h"

#include <gtest/gtest.h>

#include "samoza/v1/explain.pb.h"
#include "stdx/prng.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "zrms/testing/records.h"

namespace zrms {
namespace {

constexpr std::uint64_t mib = 1u << 20;

Candidate zhost(const std::string& name, std::uint64_t memory_mib = 4096) {
  Candidate made;
  made.zhost = name;
  made.memory_bytes = memory_mib * mib;
  return made;
}

model::Topology app_of(std::size_t spaces) {
  model::Topology spec;
  spec.name = "app";
  spec.owner = "test";
  for (std::size_t i = 0; i < spaces; ++i) {
    auto& space = spec.spaces.emplace_back();
    space.name = space.entry = stdx::format("s{:05}", i);
    space.limits.memory_bytes = mib;
  }
  return spec;
}

v1::ExplainReply through(Explanation explanation, const Records& records) {
  while (explanation.go_on(records)) {
  }
  return explanation.take();
}

v1::ExplainReply explain(model::Topology spec, std::vector<Candidate> there,
                         const std::string& space = "") {
  return through({std::make_shared<const model::Topology>(std::move(spec)), space,
                  Candidates(std::move(there))},
                 Records());
}

// --- the rules ---

TEST(ExplainTest, RPlace1TheFirstThatFitsIsTheOneThatPlacementTakesWhateverTheRules) {
  stdx::Prng random(7);
  for (int round = 0; round < 500; ++round) {
    auto spec = app_of(6);
    std::vector<Candidate> there;
    for (const char* name : {"a", "b", "c", "d", "e"}) {
      auto& made = there.emplace_back(zhost(name, 1 + random.next() % 6));
      made.available = random.next() % 4 != 0;
      if (random.next() % 2 == 0) made.labels["disk"] = "fast";
      if (random.next() % 2 == 0) made.devices = {"camera"};
      made.spaces = random.next() % 4;
      made.spaces_max = random.next() % 5;
      made.memory_promised_bytes = (random.next() % 5) * mib;
    }
    std::vector<std::string> placed;
    for (auto& space : spec.spaces) {
      if (random.next() % 3 == 0) space.placement.labels["disk"] = "fast";
      if (random.next() % 3 == 0) space.placement.devices = {"camera"};
      if (random.next() % 3 == 0) space.placement.anti_affinity = {"s00001"};
      if (random.next() % 3 == 0) space.placement.affinity = {"s00002"};
      placed.push_back(there[random.next() % there.size()].zhost);
    }
    const model::TopologyIndex index(spec);
    const Candidates candidates(there);
    const PlacementRequest request{
        .topology = spec,
        .index = index,
        .space = 0,
        .where = [&](std::uint32_t other) { return &placed[other]; },
        .only_on = random.next() % 5 == 0 ? "b" : "",
        .avoid = random.next() % 5 == 0 ? "c" : "",
    };
    const auto choice = candidates.choose(request);
    const auto fits = candidates.explain(request);
    ASSERT_EQ(fits.size(), there.size());
    ASSERT_EQ(choice.zhost.has_value(), fits.front().broken.empty()) << round;
    if (choice.zhost) {
      ASSERT_EQ(*choice.zhost, fits.front().zhost) << round;
    }
    // What placement says of each it passed over is the first of what is said here.
    for (const auto& line : choice.refusals) {
      const auto at = std::find_if(fits.begin(), fits.end(), [&](const ZhostFit& fit) {
        return line.starts_with(fit.zhost + ": ");
      });
      ASSERT_NE(at, fits.end()) << line;
      ASSERT_FALSE(at->broken.empty()) << line;
      EXPECT_EQ(line, at->zhost + ": " + at->broken.front().rule);
    }
  }
}

TEST(ExplainTest, EachRuleThatAZhostBreaksIsNamedAndTheNearestMissSaysWhatWouldHaveToChange) {
  auto spec = app_of(1);
  spec.spaces[0].placement.labels["disk"] = "fast";
  spec.spaces[0].placement.devices = {"camera"};
  spec.spaces[0].placement.region = "north";
  spec.spaces[0].limits.memory_bytes = 1024 * mib;
  auto a = zhost("a"), b = zhost("b", 2048), c = zhost("c");
  b.region = c.region = "north";
  b.labels["disk"] = "fast";
  b.devices = {"camera"};
  b.memory_promised_bytes = 1536 * mib;
  c.labels["disk"] = "slow";
  const auto reply = explain(spec, {a, b, c});
  ASSERT_EQ(reply.spaces_size(), 1);
  const auto& space = reply.spaces(0);
  EXPECT_EQ(space.zhost(), "");
  EXPECT_EQ(space.why(), "no zhost fits");
  EXPECT_EQ(space.nearest(), "zhost b: 512 MiB memory are free of 1024 MiB asked");
  ASSERT_EQ(space.zhosts_size(), 3);
  EXPECT_EQ(space.zhosts(0).zhost(), "b");
  EXPECT_EQ(space.zhosts(0).refusals_size(), 1);
  EXPECT_EQ(space.zhosts(1).zhost(), "c");
  ASSERT_EQ(space.zhosts(1).refusals_size(), 2);
  EXPECT_EQ(space.zhosts(1).refusals(0), "label disk is not 'fast'");
  EXPECT_EQ(space.zhosts(1).refusals(1), "no device 'camera'");
  EXPECT_EQ(space.zhosts(2).refusals_size(), 3) << "region, label and device";
}

TEST(ExplainTest, TheScoreOfAZhostIsTheSumOfWhatIsNamed) {
  auto spec = app_of(2);
  spec.spaces[1].placement.affinity = {"s00000"};
  auto a = zhost("a");
  a.spaces = 3;
  const auto reply = explain(spec, {a, zhost("b")});
  ASSERT_EQ(reply.spaces_size(), 2);
  EXPECT_EQ(reply.spaces(0).zhost(), "b");
  EXPECT_EQ(reply.spaces(0).why(), "it would be placed there");
  const auto& best = reply.spaces(1).zhosts(0);
  EXPECT_EQ(best.zhost(), "b") << "beside the first one";
  EXPECT_EQ(best.score(), 500 - 10);
  ASSERT_EQ(best.preferences_size(), 2);
  EXPECT_EQ(best.preferences(0), "1 space there: -10");
  EXPECT_EQ(best.preferences(1), "affinity with 's00000': +500");
}

// --- what is in the records ---

struct Submitted : TestRecords {
  explicit Submitted(model::Topology spec) { topology(spec); }
  v1::SpaceExplained of(const std::string& name, std::vector<Candidate> there) {
    const auto reply = through({"t", name, Candidates(std::move(there))}, records);
    return reply.spaces_size() == 1 ? reply.spaces(0) : v1::SpaceExplained();
  }
};

TEST(ExplainTest, ASpaceThatRunsSaysWhyItIsThereAndWhetherItWouldBePlacedThereNow) {
  Submitted t(app_of(1));
  auto row = t.space("s00000", "a", 1);
  auto a = zhost("a"), b = zhost("b");
  a.spaces = a.spaces_max = 1;  // this very space
  b.spaces = 5;
  EXPECT_EQ(t.of("s00000", {a, b}).why(),
            "it fitted best when it was placed; it would be taken now, too");
  row.set_reason("zhost c failed");
  t.add("space", "t/s00000", row.SerializeAsString());
  b.spaces = 0;
  a.spaces = 7;
  a.spaces_max = 0;
  const auto space = t.of("s00000", {a, b});
  EXPECT_EQ(space.zhost(), "a");
  EXPECT_EQ(space.why(),
            "it was placed there: zhost c failed; by now zhost b would be taken, and what runs is "
            "not moved for that");
  a.available = false;
  a.unavailable = "suspect: not heard for a moment";
  EXPECT_NE(t.of("s00000", {a, b}).why().find("would not take it (suspect"), std::string::npos);
}

TEST(ExplainTest, ASpaceThatWaitsForItsDataIsNearestToTheZhostThatHasIt) {
  auto spec = app_of(1);
  spec.spaces[0].store = model::StoreKind::local;
  Submitted t(spec);
  auto row = t.space("s00000", "a", 1, "waiting");
  row.set_reason("data on zhost a");
  t.add("space", "t/s00000", row.SerializeAsString());
  auto a = zhost("a");
  a.available = false;
  a.unavailable = "unavailable: it failed";
  const auto space = t.of("s00000", {a, zhost("b")});
  EXPECT_EQ(space.zhost(), "");
  EXPECT_EQ(space.why(), "it waits: data on zhost a");
  EXPECT_EQ(space.nearest(), "zhost a: it must be there (unavailable: it failed)");
}

TEST(ExplainTest, ASpaceWhoseZhostIsLostAndThatNoOtherTakesHasNone) {
  auto spec = app_of(1);
  spec.spaces[0].placement.devices = {"camera"};
  Submitted t(spec);
  t.space("s00000", "a", 3);
  auto a = zhost("a");
  a.devices = {"camera"};
  EXPECT_EQ(t.of("s00000", {a}).why(),
            "it was placed there as epoch 3 (`topo events` says when and why); it would be taken "
            "now, too");
  a.available = false;
  a.lost = true;
  a.unavailable = "unavailable: it failed";
  const auto space = t.of("s00000", {a, zhost("b")});
  EXPECT_EQ(space.zhost(), "");
  EXPECT_EQ(space.state(), "lost");
  EXPECT_EQ(space.why(), "it was on zhost a, which is lost, and no other fits");
  EXPECT_EQ(space.nearest(), "zhost a: it must be there (unavailable: it failed)");
}

TEST(ExplainTest, AStoppedTopologyIsNowhereBecauseItWasStopped) {
  TestRecords t;
  t.topology(app_of(1), v1::DESIRED_STOPPED);
  t.space("s00000", "a", 1, "stopped");
  const auto reply = through({"t", "", Candidates({zhost("a")})}, t.records);
  EXPECT_EQ(reply.spaces(0).why(), "the topology was stopped; `topo start` starts it");
}

// --- bounds ---

TEST(ExplainTest, TheAnswerIsBoundedBeginsWithThoseThatHaveNoZhostAndCountsTheRest) {
  auto spec = app_of(3000);
  for (std::size_t i = 2000; i < 2300; ++i) spec.spaces[i].placement.devices = {"camera"};
  std::vector<Candidate> there;
  for (int z = 0; z < 60; ++z) there.push_back(zhost(stdx::format("z{}", z)));
  const auto reply = explain(spec, there);
  EXPECT_EQ(reply.topology(), "app");
  ASSERT_EQ(reply.spaces_size(), 1000);
  std::size_t zhosts = 0;
  for (int i = 0; i < reply.spaces_size(); ++i) {
    EXPECT_EQ(reply.spaces(i).zhost().empty(), i < 300) << i;
    zhosts += static_cast<std::size_t>(reply.spaces(i).zhosts_size());
  }
  EXPECT_GT(reply.spaces(0).zhosts_size(), 0);
  EXPECT_LE(zhosts, Explanation::zhosts_max);
  EXPECT_EQ(reply.detail(),
            "1000 of 3000 spaces are shown, 300 of the 300 that have no zhost; `topo explain app "
            "SPACE` shows one");
  EXPECT_EQ(explain(spec, there, "s02001").spaces_size(), 1);
  EXPECT_LE(wire::to_json(reply).size(), 1u << 20);
}

TEST(ExplainTest, ASliceLooksAtSoManyPairsHoweverLargeTheTopologyAndTheCluster) {
  auto spec = app_of(10'000);
  for (auto& space : spec.spaces) space.placement.devices = {"camera"};
  std::vector<Candidate> there;
  for (int z = 0; z < 50; ++z) there.push_back(zhost(stdx::format("z{:02}", z)));
  Explanation explanation(std::make_shared<const model::Topology>(spec), "", Candidates(there));
  const Records none;
  std::size_t slices = 1;
  while (explanation.go_on(none)) ++slices;
  // 10,000 spaces are tried on 50 zhosts, and 1,000 of them are explained.
  EXPECT_GE(slices, (10'000 * 51 + 1000 * 50) / (Explanation::pairs_a_slice + 101));
  EXPECT_EQ(explanation.take().spaces_size(), 1000);
}

}  // namespace
}  // namespace zrms
