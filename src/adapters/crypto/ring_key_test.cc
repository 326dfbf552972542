// SPDX-License-Identifier: Apache-2.0
#include "adapters/crypto/ring_key.h"

#include <gtest/gtest.h>

#include "stdx/encoding.h"

namespace adapters::crypto {
namespace {

using namespace std::chrono_literals;
using Purpose = ports::ClusterKey::Purpose;

struct HandClock final : ports::Clock {
  stdx::Instant at{};
  stdx::WallTime wall_at{};
  stdx::Instant now() const override { return at; }
  stdx::WallTime wall() const override { return wall_at; }
};

samoza::v1::KeyRing ring_of(char secret) {
  samoza::v1::KeyRing ring;
  ring.add_beat()->set_secret(std::string(32, secret));
  ring.add_access()->set_secret(std::string(32, static_cast<char>(secret + 1)));
  for (auto* keys : {ring.mutable_beat(), ring.mutable_access()}) (*keys)[0].set_generation(1);
  return ring;
}

// RFC 4231, section 4.3.
TEST(RingKeyTest, MacsAreThoseOfTheRfc) {
  EXPECT_EQ(stdx::hex_encode(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(RingKeyTest, AMacIsWorthNothingForAnotherPurposeMessageOrCluster) {
  HandClock clock;
  RingKey key(clock, [] { return ring_of('a'); });
  RingKey other(clock, [] { return ring_of('x'); });
  const auto mac = *key.mac(Purpose::beat, "message");
  EXPECT_EQ(mac.size(), 32u);
  EXPECT_TRUE(key.check(Purpose::beat, "message", mac));
  EXPECT_TRUE(key.check(Purpose::beat, "message", mac.substr(0, 16)));
  EXPECT_FALSE(key.check(Purpose::beat, "message", mac.substr(0, 15)));
  EXPECT_FALSE(key.check(Purpose::beat, "message", mac + "x"));
  EXPECT_FALSE(key.check(Purpose::access, "message", mac));
  EXPECT_FALSE(key.check(Purpose::beat, "messag", mac));
  EXPECT_FALSE(other.check(Purpose::beat, "message", mac));
  EXPECT_EQ(key.check(Purpose::beat, "message", "").error().code, stdx::Code::denied);
}

TEST(RingKeyTest, WhatTheFormerKeySaidIsGoodUntilItEnds) {
  HandClock clock;
  auto ring = ring_of('a');
  RingKey key(clock, [&] { return ring; });
  const auto former = *key.mac(Purpose::beat, "m");
  ring.mutable_beat(0)->set_until_ms(9000);
  auto* next = ring.add_beat();
  next->set_generation(2);
  next->set_secret(std::string(32, 'n'));
  next->set_use_from_ms(5000);
  clock.at += 1s;
  EXPECT_EQ(*key.mac(Purpose::beat, "m"), former) << "its time has not come";
  clock.wall_at += 5s;
  const auto now = *key.mac(Purpose::beat, "m");
  EXPECT_NE(now, former);
  EXPECT_TRUE(key.check(Purpose::beat, "m", former));
  EXPECT_TRUE(key.check(Purpose::beat, "m", now));
  clock.wall_at += 4s;
  EXPECT_FALSE(key.check(Purpose::beat, "m", former));
  EXPECT_TRUE(key.check(Purpose::beat, "m", now));
}

TEST(RingKeyTest, TheRingIsReadAnewAtMostOnceASecondAndAMissingOneIsWaitedFor) {
  HandClock clock;
  int reads = 0;
  stdx::Result<samoza::v1::KeyRing> ring = stdx::fail(stdx::Code::unavailable, "not given yet");
  RingKey key(clock, [&] { return ++reads, ring; });
  EXPECT_EQ(key.mac(Purpose::beat, "m").error().message, "not given yet");
  ring = ring_of('a');
  clock.at += 99ms;
  EXPECT_FALSE(key.mac(Purpose::beat, "m"));
  clock.at += 1ms;
  const auto first = key.mac(Purpose::beat, "m");
  ASSERT_TRUE(first);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(*key.mac(Purpose::beat, "m"), *first);
  EXPECT_EQ(reads, 2);
  ring = ring_of('b');
  clock.at += 1s;
  const auto second = key.mac(Purpose::beat, "m");
  EXPECT_NE(*second, *first);
  ring = stdx::fail(stdx::Code::unavailable, "removed");
  clock.at += 1s;
  EXPECT_EQ(*key.mac(Purpose::beat, "m"), *second) << "the last one goes on";
}

}  // namespace
}  // namespace adapters::crypto
