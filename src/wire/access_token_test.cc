// SPDX-License-Identifier: Apache-2.0
#include "wire/access_token.h"

#include <gtest/gtest.h>

#include "simkit/stub_key.h"
#include "stdx/text.h"
#include "wire/revoked_tokens.h"

namespace wire {
namespace {

using namespace std::chrono_literals;

stdx::WallTime at(std::uint64_t seconds) {
  return stdx::WallTime(std::chrono::seconds(seconds));
}

TEST(AccessTokenTest, ATokenSaysWhatItMayAndIsCheckedByEverybodyWhoHasTheKey) {
  simkit::StubKey key, other_zhost;
  for (const auto& token : {AccessToken{"0123456789abcdef", Role::ingress, "shop", 2000},
                            AccessToken{"ffffffffffffffff", Role::admin, "", 1u << 31},
                            AccessToken{"00000000000000ff", Role::page, "shop/ui", 1001}}) {
    const auto text = sign(key, token);
    ASSERT_TRUE(text);
    EXPECT_TRUE(text->starts_with("smz_")) << *text;
    const auto read = check_access_token(other_zhost, *text, at(1000));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, token);
  }
}

TEST(AccessTokenTest, NoByteOfATokenCanBeChanged) {
  simkit::StubKey key;
  const auto text = *sign(key, {"0123456789abcdef", Role::read, "", 2000});
  for (std::size_t i = 4; i < text.size(); ++i)
    for (const char c : {'a', 'z', '7', 'A', '='}) {
      auto other = text;
      if (other[i] == c) continue;
      other[i] = c;
      EXPECT_FALSE(check_access_token(key, other, at(1000))) << other;
    }
  for (std::size_t i = 0; i < text.size(); ++i)
    EXPECT_FALSE(check_access_token(key, text.substr(0, i), at(1000)));
  EXPECT_FALSE(check_access_token(key, text + "a", at(1000)));
  EXPECT_FALSE(check_access_token(key, "smz_" + std::string(100'000, 'a'), at(1000)));
  simkit::StubKey stranger("another");
  EXPECT_EQ(check_access_token(stranger, text, at(1000)).error().code, stdx::Code::denied);
}

TEST(AccessTokenTest, AnExpiredTokenIsRefusedAndTheRefusalSaysWhenItWasOver) {
  simkit::StubKey key;
  const auto text = *sign(key, {"0123456789abcdef", Role::read, "", 2000});
  EXPECT_TRUE(check_access_token(key, text, at(1999)));
  const auto expired = check_access_token(key, text, at(2000));
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().message, "token 0123456789abcdef expired at 1970-01-01T00:33:20Z");
}

TEST(AccessTokenTest, WithoutAJoinTokenNothingIsSaidOfAToken) {
  simkit::StubKey key;
  const auto text = *sign(key, {"0123456789abcdef", Role::read, "", 2000});
  key.missing = "no join token yet";
  EXPECT_EQ(check_access_token(key, text, at(1000)).error().code, stdx::Code::unavailable);
  EXPECT_EQ(sign(key, {"0123456789abcdef", Role::read, "", 2000}).error().code,
            stdx::Code::unavailable);
}

TEST(RevokedTokensTest, ARevokedTokenStaysSoUntilItExpiresWhateverIsHeardLater) {
  RevokedTokens revoked;
  EXPECT_TRUE(revoked.add({"0123456789abcdef/2000", "ffffffffffffffff/3000"}, at(1000)));
  EXPECT_FALSE(revoked.add({"0123456789abcdef/2000"}, at(1000))) << "nothing new";
  EXPECT_FALSE(revoked.add({}, at(1500))) << "an older copy of the records";
  EXPECT_TRUE(revoked.contains("0123456789abcdef"));
  RevokedTokens next_start;
  EXPECT_TRUE(next_start.add_text(revoked.to_text(), at(2500)));
  EXPECT_FALSE(next_start.contains("0123456789abcdef")) << "it has expired";
  EXPECT_TRUE(next_start.contains("ffffffffffffffff"));
}

TEST(RevokedTokensTest, WhatReadsOtherwiseIsLeftOutAndTheListIsBounded) {
  RevokedTokens revoked;
  EXPECT_FALSE(revoked.add({"", "/", "x/2000", "0123456789abcdef", "0123456789abcdef/x"}, at(1)));
  std::vector<std::string> many;
  for (std::size_t i = 0; i <= RevokedTokens::tokens_max; ++i)
    many.push_back(stdx::format("{:016x}/{}", i, 5000 + i));
  EXPECT_TRUE(revoked.add(many, at(1)));
  EXPECT_EQ(revoked.list().size(), RevokedTokens::tokens_max);
  EXPECT_FALSE(revoked.contains("0000000000000000")) << "the one that expires first";
}

}  // namespace
}  // namespace wire
