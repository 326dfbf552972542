// SPDX-License-Identifier: Apache-2.0
// When a guest is called and when it gives way, with the real host functions and the stub engine.
#include <gtest/gtest.h>

#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

using namespace std::chrono_literals;

// Makes one call again and again, then sleeps.
class Repeats final : public simkit::StubGuest {
 public:
  static constexpr int times = 40;
  Repeats(simkit::GuestCall call, int& made) : call_(std::move(call)), made_(made) {}
  std::optional<simkit::GuestCall> next(std::int32_t) override {
    if (made_ == times) return sleep(3'600'000);
    ++made_;
    return call_;
  }

 private:
  simkit::GuestCall call_;
  int& made_;
};

// Counts its calls; takes a message in each, if one is there.
class Counts final : public simkit::StubGuest {
 public:
  Counts(int& calls, int& messages) : calls_(calls), messages_(messages) {}
  void begin(const std::string&) override {
    ++calls_;
    asked_ = false;
  }
  std::optional<simkit::GuestCall> next(std::int32_t result) override {
    if (std::exchange(asked_, true)) {
      if (result > 0) ++messages_;
      return std::nullopt;
    }
    return simkit::GuestCall{"net.recv_next", {4096, 4096, 0, 0}};
  }

 private:
  int& calls_;
  int& messages_;
  bool asked_ = false;
};

struct Cluster : FakeCluster {
  Cluster() : FakeCluster(5, {"a"}) {
    disk.topology.name = "flow";
    disk.topology.owner = "test";
    for (const char* name : {"other", "space"}) {
      auto& space = disk.topology.spaces.emplace_back();
      space.name = space.entry = name;
    }
    disk.topology.paths = {{"to", "other", "space"}};
    model::normalize(disk.topology);
  }
  void run() {
    start_zrun("a");
    world.run_for(200ms);
    EXPECT_EQ(place("space", "a", 1), "accepted");
    tell_directory();
    world.run_for(3s);
  }
  std::uint64_t slices() {
    return zrun.at("a")->runtime.metrics.counter("samoza_zrun_slices_total", "").value();
  }
};

TEST(GiveWayTest, RAbi26YieldSleepOfNoTimeAndAPollEachGiveWayInALoop) {
  using Call = simkit::GuestCall;
  for (const auto& call :
       {Call{"sys.yield", {}}, Call{"sys.sleep", {0}}, Call{"net.recv_next", {4096, 4096, 0, 0}},
        Call{"wasi_snapshot_preview1.sched_yield", {}}}) {
    Cluster cluster;
    int made = 0;
    cluster.guests = [&](const std::string&) { return std::make_unique<Repeats>(call, made); };
    cluster.run();
    EXPECT_EQ(made, Repeats::times) << call.function;
    EXPECT_GE(cluster.slices(), static_cast<std::uint64_t>(Repeats::times)) << call.function;
  }
}

TEST(GiveWayTest, RAbi24ASpaceThatWaitsIsCalledForMessagesOnly) {
  Cluster cluster;
  int calls = 0, messages = 0, sent = 0;
  cluster.guests = [&](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
    if (role == "other") return std::make_unique<simkit::SourceGuest>("to", 5, 100, sent);
    return std::make_unique<Counts>(calls, messages);
  };
  for (auto& space : cluster.disk.topology.spaces) space.idle = model::Idle::wait;
  cluster.disk.topology.spaces[0].idle = model::Idle::back_off;
  cluster.run();
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(cluster.place("other", "a", 1), "accepted");
  cluster.tell_directory();
  EXPECT_TRUE(cluster.world.run_until_true([&] { return messages == 5; }, 30s));
  cluster.world.run_for(60s);
  EXPECT_EQ(calls, 5);
}

TEST(GiveWayTest, RAbi24APublishedSpaceIsCalledAfterAPauseThatDoublesFrom10MsTo1S) {
  Cluster cluster;
  int calls = 0, messages = 0;
  cluster.guests = [&](const std::string&) { return std::make_unique<Counts>(calls, messages); };
  cluster.run();
  // 10 + 20 + … + 640 ms are 1.27 s and 8 calls; then one each second.
  EXPECT_GE(calls, 9);
  const int before = calls;
  cluster.world.run_for(10s);
  EXPECT_EQ(calls - before, 10);
}

}  // namespace
}  // namespace zrun
