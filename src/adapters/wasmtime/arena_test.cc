// SPDX-License-Identifier: Apache-2.0
#include "adapters/wasmtime/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace adapters::wasmtime {
namespace {

TEST(ArenaTest, AReusedSlotShowsNothingOfItsFormerOwner) {
  MemoryArena arena;
  for (const std::size_t bytes : {64u << 10, 128u << 10, 1u << 20, 20u << 20}) {
    auto slot = arena.take(bytes);
    ASSERT_NE(slot.base, nullptr);
    ASSERT_GE(slot.capacity, bytes);
    std::memset(slot.base, 0x5a, bytes);
    arena.give_back(slot, bytes);
    const auto again = arena.take(bytes);
    EXPECT_EQ(again.base, slot.base);
    EXPECT_TRUE(std::all_of(again.base, again.base + bytes, [](auto b) { return b == 0; }));
    arena.give_back(again, bytes);
  }
}

TEST(ArenaTest, SlotsDoNotOverlapAndAMemoryPastFourGiBIsRefused) {
  SlotArena arena(64u << 10, 4096);
  auto* a = arena.take();
  auto* b = arena.take();
  EXPECT_GE(std::max(a, b) - std::min(a, b), 64 << 10);
  MemoryArena memories;
  EXPECT_EQ(memories.take(5ull << 30).base, nullptr);
}

TEST(ArenaDeathTest, AStackThatRunsIntoItsGuardEndsTheProcessInsteadOfItsNeighbour) {
  SlotArena arena(64u << 10, 4096);
  arena.take();
  auto* slot = arena.take();
  EXPECT_DEATH(*static_cast<volatile std::uint8_t*>(slot) = 1, "");
}

}  // namespace
}  // namespace adapters::wasmtime
