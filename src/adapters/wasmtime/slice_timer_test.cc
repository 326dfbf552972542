// SPDX-License-Identifier: Apache-2.0
#include "adapters/wasmtime/slice_timer.h"

#include <gtest/gtest.h>

#include <chrono>

namespace adapters::wasmtime {
namespace {

using namespace std::chrono_literals;

TEST(SliceTimerTest, ASliceThatIsOverTicksHoweverTheCallsBeforeItFell) {
  std::atomic<std::uint64_t> ticks{0};
  SliceTimer timer([&] { ticks.fetch_add(1); });
  std::uint64_t spins = 0;
  // Calls and pauses of changing length meet the thread at each of its steps; after each of them a
  // guest that never ends must be interrupted, and not only because the thread looks once a second.
  for (int round = 0; round < 500; ++round) {
    for (int call = 0; call < 1 + round % 7; ++call) {
      timer.guest_runs(200us);
      for (int i = 0; i < round * 13 % 1000; ++i) spins = spins + 1;
      timer.guest_rests();
    }
    if (round % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(round));
    const auto seen = ticks.load();
    timer.guest_runs(100us + std::chrono::microseconds(round % 50));
    while (ticks.load() == seen) spins = spins + 1;
    timer.guest_rests();
  }
  EXPECT_GE(ticks.load(), 500u);
  EXPECT_EQ(timer.rescues(), 0u);
}

TEST(SliceTimerTest, ManyShortCallsCostAtMostOneWakeUpPerSlice) {
  SliceTimer timer([] {});
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 200'000; ++i) {
    timer.guest_runs(1ms);
    timer.guest_rests();
  }
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_LE(timer.wake_ups(), static_cast<std::uint64_t>(took / 1ms) * 2 + 3);
}

}  // namespace
}  // namespace adapters::wasmtime
