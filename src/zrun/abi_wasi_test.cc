// SPDX-License-Identifier: Apache-2.0
// The WASI shim as a guest sees it: what ordinary toolchains need, and nothing beyond.
#include <gtest/gtest.h>

#include <cstring>

#include "zrun/fake_cluster.h"

namespace zrun {
namespace {

constexpr std::int32_t ok = 0, e_badf = 8, e_fault = 21, e_inval = 28;
constexpr std::uint64_t past_the_end = simkit::StubGuest::memory_bytes - 2;

// Makes the calls one after the other, once, and keeps what each gave.
class Caller final : public simkit::StubGuest {
 public:
  Caller(std::vector<simkit::GuestCall> calls, std::vector<std::int32_t>& results,
         stdx::Bytes& seen)
      : calls_(std::move(calls)), results_(results), seen_(seen) {
    memory.replace(100, 6, "hello\n");
    put(200, {100, 6});  // an iovec
    put(208, {static_cast<std::uint32_t>(past_the_end), 6});
    put(1024, {50'000'000});  // a subscription at 1000: a clock, 50 ms
  }
  std::optional<simkit::GuestCall> next(std::int32_t result) override {
    if (step_ > 0 && step_ <= calls_.size()) {
      results_.push_back(result);
      seen_ = memory;
    }
    if (step_ >= calls_.size()) {
      ++step_;
      return sleep(1000);
    }
    auto call = calls_[step_++];
    call.function = "wasi_snapshot_preview1." + call.function;
    return call;
  }

 private:
  void put(std::size_t at, std::vector<std::uint32_t> words) {
    std::memcpy(memory.data() + at, words.data(), words.size() * 4);
  }
  std::vector<simkit::GuestCall> calls_;
  std::vector<std::int32_t>& results_;
  stdx::Bytes& seen_;
  std::size_t step_ = 0;
};

struct OneGuest : FakeCluster {
  std::vector<std::int32_t> results;
  stdx::Bytes memory;
  explicit OneGuest(std::vector<simkit::GuestCall> calls, bool may_log = true)
      : FakeCluster(1, {"a"}) {
    auto& space = disk.topology.spaces.emplace_back();
    disk.topology.name = "flow";
    disk.topology.owner = "test";
    space.name = space.entry = "guest";
    if (may_log) space.capabilities = {"sys.log"};
    space.config = {{"RATE", "10"}, {"X", ""}};
    model::normalize(disk.topology);
    guests = [this, calls](const std::string&) {
      return std::make_unique<Caller>(calls, results, memory);
    };
    start_zrun("a");
    world.run_for(200ms);
    EXPECT_EQ(place("guest", "a", 1), "accepted");
    EXPECT_TRUE(world.run_until_true([&] { return results.size() >= calls.size(); }, 5s));
  }
  const Space& space() { return *zrun["a"]->service->find(id, "guest"); }
  std::uint32_t word(std::size_t at) const {
    std::uint32_t value = 0;
    std::memcpy(&value, memory.data() + at, sizeof value);
    return value;
  }
};

// R-ABI-7: fd_write of WASI.
TEST(AbiWasiTest, WhatIsWrittenToStandardOutputAndErrorGoesToTheLogOfTheSpace) {
  OneGuest cluster({{"fd_write", {1, 200, 1, 300}}, {"fd_write", {2, 200, 1, 304}}});
  EXPECT_EQ(cluster.results, (std::vector<std::int32_t>{ok, ok}));
  EXPECT_EQ(cluster.word(300), 6u);
  ASSERT_EQ(cluster.space().log_lines().size(), 2u);
  EXPECT_NE(cluster.space().log_lines()[0].find("hello"), std::string::npos);
}

TEST(AbiWasiTest, PrintingNeedsTheCapabilityOfSysLog) {
  OneGuest cluster({{"fd_write", {1, 200, 1, 300}}}, /*may_log=*/false);
  EXPECT_EQ(cluster.results.at(0), ok) << "a library that prints goes on";
  EXPECT_TRUE(cluster.space().log_lines().empty());
}

TEST(AbiWasiTest, ThereAreNoFilesAndNothingIsPreopened) {
  OneGuest cluster({{"fd_prestat_get", {3, 300}},
                    {"fd_prestat_dir_name", {3, 300, 8}},
                    {"fd_close", {3}},
                    {"fd_seek", {1, 0, 0, 300}},
                    {"fd_write", {3, 200, 1, 300}},
                    {"fd_fdstat_get", {3, 300}},
                    {"fd_fdstat_get", {1, 300}}});
  EXPECT_EQ(cluster.results,
            (std::vector<std::int32_t>{e_badf, e_badf, e_badf, e_badf, e_badf, e_badf, ok}));
  EXPECT_EQ(cluster.memory[300], 2) << "a character device";
}

// R-ABI-7: args and environment of WASI.
TEST(AbiWasiTest, TheConfigurationIsTheEnvironmentAndThereAreNoArguments) {
  OneGuest cluster({{"environ_sizes_get", {300, 304}},
                    {"environ_get", {400, 500}},
                    {"args_sizes_get", {308, 312}},
                    {"args_get", {600, 600}}});
  EXPECT_EQ(cluster.results, (std::vector<std::int32_t>{ok, ok, ok, ok}));
  EXPECT_EQ(cluster.word(300), 2u);
  EXPECT_EQ(cluster.word(304), 11u);
  EXPECT_EQ(cluster.memory.substr(500, 11), stdx::Bytes("RATE=10\0X=\0", 11));
  EXPECT_EQ(cluster.word(400), 500u);
  EXPECT_EQ(cluster.word(404), 508u);
  EXPECT_EQ(cluster.word(308), 0u);
}

// R-ABI-7: clock and random numbers of WASI.
TEST(AbiWasiTest, ClocksSleepAndRandomComeFromThePortsOfTheZhost) {
  OneGuest cluster({{"clock_time_get", {1, 1, 300}},
                    {"poll_oneoff", {1000, 1100, 1, 1200}},
                    {"clock_time_get", {1, 1, 308}},
                    {"clock_time_get", {7, 1, 316}},
                    {"random_get", {320, 8}},
                    {"sched_yield", {}}});
  EXPECT_EQ(cluster.results, (std::vector<std::int32_t>{ok, ok, ok, e_inval, ok, ok}));
  EXPECT_EQ(cluster.word(1200), 1u) << "one event";
  EXPECT_GE(cluster.word(308) - cluster.word(300), 50'000'000u) << "nanoseconds";
  EXPECT_NE(cluster.memory.substr(320, 8), stdx::Bytes(8, '\0'));
}

TEST(AbiWasiTest, APointerOutOfRangeIsAFaultAndWritesNothing) {
  const auto end = past_the_end;
  OneGuest cluster({{"fd_write", {1, 208, 1, 300}},
                    {"fd_write", {1, end, 1, 300}},
                    {"fd_write", {1, 200, 1, end}},
                    {"fd_write", {1, 200, 65, 300}},
                    {"environ_sizes_get", {300, end}},
                    {"environ_get", {400, end}},
                    {"environ_get", {end, 500}},
                    {"clock_time_get", {0, 1, end}},
                    {"random_get", {end, 8}},
                    {"random_get", {0, 0xffffffff}},
                    {"fd_fdstat_get", {1, end}},
                    {"args_sizes_get", {300, end}},
                    {"poll_oneoff", {end, 1100, 1, 1200}}});
  const auto& results = cluster.results;
  for (std::size_t i = 0; i < results.size(); ++i)
    EXPECT_EQ(results[i], i == 3 ? e_inval : e_fault) << "call " << i;
}

}  // namespace
}  // namespace zrun
