// SPDX-License-Identifier: Apache-2.0
#include "adapters/crypto/token_key.h"

#include <gtest/gtest.h>

#include "stdx/encoding.h"

namespace adapters::crypto {
namespace {

using namespace std::chrono_literals;
using Purpose = ports::ClusterKey::Purpose;

struct HandClock final : ports::Clock {
  stdx::Instant at{};
  stdx::Instant now() const override { return at; }
  stdx::WallTime wall() const override { return {}; }
};

// RFC 4231, section 4.3.
TEST(TokenKeyTest, MacsAreThoseOfTheRfc) {
  EXPECT_EQ(stdx::hex_encode(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(TokenKeyTest, AMacIsWorthNothingForAnotherPurposeMessageOrToken) {
  HandClock clock;
  TokenKey key(clock, [] { return std::string("one"); });
  TokenKey other(clock, [] { return std::string("two"); });
  const auto mac = *key.mac(Purpose::beat, "message");
  EXPECT_EQ(mac.size(), 32u);
  EXPECT_TRUE(ports::check_mac(key, Purpose::beat, "message", mac));
  EXPECT_FALSE(ports::check_mac(key, Purpose::link, "message", mac));
  EXPECT_FALSE(ports::check_mac(key, Purpose::beat, "messag", mac));
  EXPECT_FALSE(ports::check_mac(other, Purpose::beat, "message", mac));
  EXPECT_EQ(ports::check_mac(key, Purpose::beat, "message", "").error().code, stdx::Code::denied);
  EXPECT_TRUE(key.check_token("one"));
  EXPECT_FALSE(key.check_token("two"));
  EXPECT_FALSE(key.check_token(""));
}

TEST(TokenKeyTest, TheTokenIsReadAnewAtMostOnceASecondAndAMissingOneIsWaitedFor) {
  HandClock clock;
  int reads = 0;
  stdx::Result<std::string> now = stdx::fail(stdx::Code::unavailable, "not made yet");
  TokenKey key(clock, [&] { return ++reads, now; });
  EXPECT_EQ(key.mac(Purpose::beat, "m").error().message, "not made yet");
  now = "one";
  clock.at += 999ms;
  EXPECT_FALSE(key.mac(Purpose::beat, "m"));
  clock.at += 1ms;
  const auto first = key.mac(Purpose::beat, "m");
  ASSERT_TRUE(first);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(*key.mac(Purpose::beat, "m"), *first);
  EXPECT_EQ(reads, 2);
  now = "two";
  clock.at += 1s;
  const auto second = key.mac(Purpose::beat, "m");
  EXPECT_NE(*second, *first);
  now = stdx::fail(stdx::Code::unavailable, "removed");
  clock.at += 1s;
  EXPECT_EQ(*key.mac(Purpose::beat, "m"), *second) << "the last one goes on";
}

}  // namespace
}  // namespace adapters::crypto
