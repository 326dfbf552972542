// SPDX-License-Identifier: Apache-2.0
#include "wire/revoked_tokens.h"

#include <gtest/gtest.h>

namespace wire {
namespace {

using namespace std::chrono_literals;

TEST(RevokedTokensTest, TokensAndForgottenZhostsAreKeptTogetherUntilTheyMatterNoMore) {
  const stdx::WallTime now{1000s};
  const std::string key = "00112233445566ff";
  RevokedTokens revoked;
  const auto zhost = revoked_zhost_id("z-1", key);
  EXPECT_TRUE(revoked.add({"0123456789abcdef/2000", zhost + "/3000/00ff"}, now));
  EXPECT_EQ(revoked.list().back(), zhost + "/3000/00ff") << "with the seal of the control plane";
  EXPECT_EQ(revoked.sealed(), std::vector<std::string>{zhost + "/3000/00ff"});
  EXPECT_FALSE(revoked.add({zhost + "/3000/00ff"}, now)) << "it is no news";
  EXPECT_TRUE(revoked.contains("0123456789abcdef"));
  const std::vector<ports::Trust::Revoked> wanted{{"z-1", key}};
  EXPECT_EQ(revoked_zhosts(revoked), wanted);
  // As a file, and back.
  RevokedTokens again;
  EXPECT_TRUE(again.add_text(revoked.to_text(), now));
  EXPECT_EQ(revoked_zhosts(again), wanted);
  EXPECT_EQ(again.list(), revoked.list());
  again.add({}, stdx::WallTime{2500s});
  EXPECT_FALSE(again.contains("0123456789abcdef"));
  EXPECT_EQ(revoked_zhosts(again), wanted);
  again.add({}, stdx::WallTime{3000s});
  EXPECT_TRUE(revoked_zhosts(again).empty());
}

TEST(RevokedTokensTest, WhatReadsOtherwiseIsLeftOut) {
  RevokedTokens revoked;
  for (const char* text :
       {"zhost:a b:00112233445566ff/9000", "zhost:a/9000", "zhost:a:b/9000",
        "zhost:a:00112233445566ff", "host:a:00112233445566ff/9000", "zhost:a:00112233445566fg/9000",
        "join:1/9000", "/9000", "", "0123456789abcdef/9000/x", "0123456789abcdef/9000/ab/cd"})
    EXPECT_FALSE(revoked.add({text}, stdx::WallTime{1000s})) << text;
  EXPECT_TRUE(revoked.list().empty());
}

}  // namespace
}  // namespace wire
