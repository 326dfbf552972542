// SPDX-License-Identifier: Apache-2.0
#include "adapters/wasmtime/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>

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
    arena.wait_for_large();
    const auto again = arena.take(bytes);
    EXPECT_EQ(again.base, slot.base);
    EXPECT_TRUE(std::all_of(again.base, again.base + bytes, [](auto b) { return b == 0; }));
    arena.give_back(again, bytes);
  }
}

std::size_t resident_pages() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident;
}

TEST(ArenaTest, AMemoryThatMovesToALargerSlotKeepsWhatIsInItAndTouchesNothingElse) {
  MemoryArena arena;
  for (const std::size_t held : {100u << 10, 8u << 20, 60u << 20}) {
    auto slot = arena.take(held);
    slot.base[0] = 1;
    slot.base[held / 2] = 2;
    slot.base[held - 1] = 3;
    const auto before = resident_pages();
    const auto larger = arena.move_to_larger(slot, held, slot.capacity + 1);
    ASSERT_NE(larger.base, nullptr);
    EXPECT_GT(larger.capacity, slot.capacity);
    EXPECT_EQ(larger.base[0], 1);
    EXPECT_EQ(larger.base[held / 2], 2);
    EXPECT_EQ(larger.base[held - 1], 3);
    EXPECT_EQ(larger.base[held], 0);
    if (held > MemoryArena::at_once_bytes) {
      EXPECT_LT(resident_pages(), before + 1024) << held;
    }
    // The slot that it left is like a new one.
    arena.wait_for_large();
    const auto again = arena.take(held);
    EXPECT_EQ(again.base, slot.base);
    EXPECT_EQ(again.base[0] + again.base[held / 2] + again.base[held - 1], 0);
    arena.give_back(larger, held);
  }
}

// Whatever was in the slots before.
TEST(ArenaTest, AMemoryThatGrowsStepByStepKeepsWhatIsInItAndItsPagesMoveOnce) {
  MemoryArena arena;
  for (int life = 0; life < 3; ++life) {
    auto slot = arena.take(5u << 20);
    std::size_t held = 5u << 20;
    int moves = 0;
    for (const std::size_t bytes : {9u << 20, 17u << 20, 65u << 20, 257u << 20}) {
      slot.base[held - 1] = static_cast<std::uint8_t>(bytes >> 20);
      if (bytes > slot.capacity) {
        const auto larger = arena.move_to_larger(slot, held, bytes);
        ASSERT_NE(larger.base, nullptr);
        EXPECT_EQ(larger.base[held - 1], static_cast<std::uint8_t>(bytes >> 20));
        slot = larger;
        ++moves;
      }
      EXPECT_EQ(slot.base[held], 0);
      held = bytes;
    }
    EXPECT_EQ(moves, 1);
    arena.give_back(slot, held);
    arena.wait_for_large();
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
