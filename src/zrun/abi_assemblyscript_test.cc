// SPDX-License-Identifier: Apache-2.0
// What AssemblyScript imports, as a guest sees it.
#include <gtest/gtest.h>

#include <cstring>

#include "zrun/abi/functions.h"
#include "zrun/space_view.h"
#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

// Strings at 104 ("hé😀") and 204 ("m.ts"), as AssemblyScript lays them out.
class Caller final : public simkit::StubGuest {
 public:
  explicit Caller(std::vector<simkit::GuestCall> calls) : calls_(std::move(calls)) {
    put(104, u"h\u00e9\U0001F600");
    put(204, u"m.ts");
  }
  std::optional<simkit::GuestCall> next(std::int32_t) override {
    if (step_ >= calls_.size()) return sleep(1000);
    return calls_[step_++];
  }

 private:
  void put(std::size_t at, std::u16string_view text) {
    const auto bytes = static_cast<std::uint32_t>(text.size() * 2);
    std::memcpy(memory.data() + at - 4, &bytes, 4);
    std::memcpy(memory.data() + at, text.data(), bytes);
  }
  std::vector<simkit::GuestCall> calls_;
  std::size_t step_ = 0;
};

struct OneGuest : FakeCluster {
  explicit OneGuest(std::vector<simkit::GuestCall> calls) : FakeCluster(1, {"a"}) {
    auto& space = disk.topology.spaces.emplace_back();
    disk.topology.name = "flow";
    disk.topology.owner = "test";
    space.name = space.entry = "guest";
    space.capabilities = {"sys.log"};
    model::normalize(disk.topology);
    guests = [calls](const std::string&) { return std::make_unique<Caller>(calls); };
    start_zrun("a");
    world.run_for(200ms);
    EXPECT_EQ(place("guest", "a", 1), "accepted");
    world.run_for(100ms);
  }
  const Space& space() { return *zrun["a"]->service->spaces().space(id, "guest"); }
};

std::uint64_t bits(double value) {
  return std::bit_cast<std::uint64_t>(value);
}

TEST(AbiAssemblyScriptTest, AnAbortFailsTheSpaceWithItsMessageAndPlace) {
  OneGuest cluster({{"env.abort", {104, 204, 12, 5}}});
  ASSERT_FALSE(texts_of(cluster.space().log()).empty());
  EXPECT_TRUE(
      texts_of(cluster.space().log())[0].ends_with(" abort: h\u00e9\U0001F600 at m.ts:12:5"))
      << texts_of(cluster.space().log())[0];
}

TEST(AbiAssemblyScriptTest, WhatIsNoStringIsNoTextAndHarmsNothing) {
  OneGuest cluster({{"env.abort", {0xfffffff0, 2, 0, 0}}});
  ASSERT_FALSE(texts_of(cluster.space().log()).empty());
  EXPECT_TRUE(texts_of(cluster.space().log())[0].ends_with(" abort:  at :0:0"));
}

TEST(AbiAssemblyScriptTest, TraceAndConsoleGoToTheLog) {
  OneGuest cluster({{"env.trace", {204, 2, bits(1.5), bits(2), 0, 0, 0}},
                    {"env.console.log", {204}},
                    {"env.seed", {}},
                    {"env.Date.now", {}}});
  const auto& lines = texts_of(cluster.space().log());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0].ends_with(" m.ts 1.5, 2")) << lines[0];
  EXPECT_TRUE(lines[1].ends_with(" m.ts"));
}

TEST(AbiAssemblyScriptTest, TheSeedIsAnF64FromZeroToOne) {
  OneGuest cluster({});
  for (const auto& function : abi::granted({})) {
    if (function.name != "seed") continue;
    EXPECT_EQ(function.signature, ">F");
    auto* space = const_cast<Space*>(&cluster.space());
    const auto result = function.handler(space, {nullptr, {}, false});
    const auto seed = std::bit_cast<double>(result.bits);
    EXPECT_TRUE(seed >= 0 && seed < 1) << seed;
    EXPECT_NE(result.bits, function.handler(space, {nullptr, {}, false}).bits);
  }
}

}  // namespace
}  // namespace zrun
