// SPDX-License-Identifier: Apache-2.0
#include "wire/key_ring.h"

#include <gtest/gtest.h>

namespace wire {
namespace {

using namespace std::chrono_literals;
using Purpose = ports::ClusterKey::Purpose;

stdx::WallTime at(std::uint64_t ms) {
  return stdx::WallTime(std::chrono::milliseconds(ms));
}

void add(v1::KeyRing& ring, std::uint64_t generation, std::uint64_t from, std::uint64_t until) {
  for (auto* keys : {ring.mutable_beat(), ring.mutable_access()}) {
    auto* key = keys->Add();
    key->set_generation(generation);
    key->set_secret(std::string(key_bytes, static_cast<char>('a' + generation)));
    key->set_use_from_ms(from);
    key->set_until_ms(until);
  }
}

std::vector<std::uint64_t> good(const v1::KeyRing& ring, std::uint64_t ms) {
  std::vector<std::uint64_t> list;
  for (const auto* key : good_keys(ring, Purpose::beat, at(ms))) list.push_back(key->generation());
  return list;
}

TEST(KeyRingTest, ANewKeyChecksBeforeItIsUsedAndTheFormerOneForAWhileAfterwards) {
  v1::KeyRing ring;
  add(ring, 1, 0, 3000);
  add(ring, 2, 2000, 0);
  ASSERT_TRUE(check_ring(ring));
  const auto used = [&](std::uint64_t ms) {
    return key_in_use(ring, Purpose::access, at(ms))->generation();
  };
  EXPECT_EQ(used(1999), 1u);
  EXPECT_EQ(used(2000), 2u);
  EXPECT_EQ(good(ring, 1000), (std::vector<std::uint64_t>{2, 1}));
  EXPECT_EQ(good(ring, 2999), (std::vector<std::uint64_t>{2, 1}));
  EXPECT_EQ(good(ring, 3000), (std::vector<std::uint64_t>{2}));
  EXPECT_EQ(generation_of(ring), 4u);
}

TEST(KeyRingTest, AClockThatWasSetBackFindsAKeyAllTheSame) {
  v1::KeyRing ring;
  EXPECT_EQ(key_in_use(ring, Purpose::beat, at(0)), nullptr);
  add(ring, 4, 9000, 0);
  add(ring, 5, 9500, 0);
  EXPECT_EQ(key_in_use(ring, Purpose::beat, at(10))->generation(), 4u);
}

TEST(KeyRingTest, TimesAreMovedToTheClockOfTheZhost) {
  v1::KeyRing ring;
  add(ring, 1, 0, 5000);
  add(ring, 2, 2000, 0);
  const auto ours = by_our_clock(ring, 1500ms);  // theirs is ahead
  EXPECT_EQ(ours.beat(0).until_ms(), 3500u);
  EXPECT_EQ(ours.beat(1).use_from_ms(), 500u);
  EXPECT_EQ(ours.beat(1).until_ms(), 0u);
  EXPECT_EQ(by_our_clock(ring, -1s).beat(1).use_from_ms(), 3000u);
  EXPECT_EQ(by_our_clock(ring, 1h).beat(0).until_ms(), 1u) << "ended, not for ever";
}

TEST(KeyRingTest, WhatIsNoRingIsRefused) {
  EXPECT_FALSE(check_ring({}));
  v1::KeyRing ring;
  add(ring, 1, 0, 0);
  ring.mutable_access(0)->set_secret("short");
  EXPECT_FALSE(check_ring(ring));
}

}  // namespace
}  // namespace wire
