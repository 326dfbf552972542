// SPDX-License-Identifier: Apache-2.0
#include "zrms/cluster_manager.h"

#include <gtest/gtest.h>

namespace zrms {
namespace {

using namespace std::chrono_literals;
using Kind = ClusterManager::Event::Kind;
using Life = ClusterManager::Life;
constexpr stdx::Instant t0{};

v1::Beat beat(const std::string& zhost, std::uint64_t incarnation, std::uint64_t counter,
              bool goodbye = false) {
  v1::Beat out;
  out.set_zhost(zhost);
  out.set_incarnation(incarnation);
  out.set_counter(counter);
  out.set_goodbye(goodbye);
  return out;
}
ClusterManager three() {
  ClusterManager manager({});
  for (const char* id : {"a", "b", "c"}) manager.expect(id, 1, t0);
  return manager;
}

TEST(ClusterManagerTest, RFail4SilenceIsSuspectThenDeadAndTheCallbackIsCalledOnce) {
  auto manager = three();
  int failures = 0;
  manager.failure_callback = [&](const auto& event) { failures += event.zhost == "c"; };
  for (std::uint64_t i = 1; i <= 50; ++i) {
    const auto now = t0 + i * 100ms;
    manager.beat(beat("a", 1, i), now);
    manager.beat(beat("b", 1, i), now);
    manager.check(now);
    if (now == t0 + 1s) {
      EXPECT_EQ(manager.life("c"), Life::suspect);
    }
    if (now == t0 + 3300ms) {
      EXPECT_EQ(failures, 0);
    }
  }
  EXPECT_EQ(manager.life("c"), Life::dead);
  EXPECT_EQ(failures, 1);
}

TEST(ClusterManagerTest, P9AnOldCounterOrIncarnationChangesNeitherStateNorSilence) {
  auto manager = three();
  EXPECT_TRUE(manager.beat(beat("a", 2, 5), t0));
  EXPECT_FALSE(manager.beat(beat("a", 2, 5), t0 + 900ms));
  EXPECT_FALSE(manager.beat(beat("a", 2, 4, true), t0 + 900ms));
  EXPECT_FALSE(manager.beat(beat("a", 1, 99), t0 + 900ms));
  EXPECT_EQ(manager.find("a")->last_heartbeat, t0);
  EXPECT_TRUE(manager.beat(beat("a", 3, 1), t0 + 1s)) << "a newer incarnation counts anew";
}

TEST(ClusterManagerTest, TheBrakeCountsZhostsThatDiedAndCameBackOnce) {
  auto manager = three();
  std::uint64_t counter = 0;
  const auto run = [&](stdx::Instant from, stdx::Instant to, std::vector<std::string> speaking) {
    std::vector<std::string> dead;
    for (auto now = from; now < to; now += 50ms) {
      ++counter;
      for (const auto& id : speaking) manager.beat(beat(id, 1, counter), now);
      for (const auto& event : manager.check(now))
        if (event.kind == Kind::dead) dead.push_back(event.zhost);
    }
    return dead;
  };
  EXPECT_EQ(run(t0, t0 + 3500ms, {"a", "b"}), std::vector<std::string>{"c"});
  // c is back; b has been silent since 3.5 s and is overdue within 5 s of that death.
  EXPECT_TRUE(run(t0 + 3500ms, t0 + 7s, {"a", "c"}).empty());
  EXPECT_EQ(run(t0 + 7s, t0 + 30s, {"a", "c"}), std::vector<std::string>{"b"});
}

TEST(ClusterManagerTest, P14SilenceCountsFromTheLastBeatHoweverLongNobodyChecked) {
  auto manager = three();
  for (const char* id : {"a", "b", "c"}) manager.beat(beat(id, 1, 50), t0 + 60s);
  for (const auto& event : manager.check(t0 + 60100ms)) EXPECT_NE(event.kind, Kind::dead);
}

}  // namespace
}  // namespace zrms
