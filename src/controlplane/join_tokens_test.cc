// SPDX-License-Identifier: Apache-2.0
#include "controlplane/join_tokens.h"

#include <gtest/gtest.h>

namespace controlplane {
namespace {

using namespace std::chrono_literals;
using stdx::Code;

struct Fixture : testing::Test {
  stdx::WallTime now{std::chrono::hours(500'000)};
  JoinTokens book;
  std::uint64_t made = 0x1000000000000000;

  void write(const ports::RecordChange& change) {
    if (!change.value) return book.forget(change.key);
    v1::JoinTokenRecord record;
    ASSERT_TRUE(record.ParseFromString(*change.value));
    book.learn(record, change.expected_version + 1);
  }
  v1::JoinTokenRequest request(std::uint32_t uses = 0, std::uint64_t ttl = 0,
                               const std::string& role = "") {
    v1::JoinTokenRequest asked;
    asked.set_uses(uses);
    asked.set_ttl_seconds(ttl);
    asked.set_role(role);
    asked.set_by("operator of zhost a");
    return asked;
  }
  // Its id; empty where it was refused.
  std::string make(const v1::JoinTokenRequest& asked) {
    wire::JoinToken token;
    token.id = std::to_string(made++);
    const auto changes = book.make(asked, token, "hash", now);
    if (!changes) return "";
    for (const auto& change : *changes) write(change);
    return token.id;
  }
  std::string refusal(const std::string& id, const char* hash = "hash") {
    const auto checked = book.check(id, hash, now);
    if (checked) return "";
    EXPECT_EQ(checked.error().code, Code::denied);
    return checked.error().message;
  }
};
using JoinTokensTest = Fixture;

TEST_F(JoinTokensTest, RJoin5ATokenLetsOneZhostInWithinTenMinutesAndNoOtherOne) {
  const auto id = make(request());
  const auto token = book.check(id, "hash", now);
  ASSERT_TRUE(token);
  EXPECT_EQ(token->role(), "super");
  write(book.used(id, "z1", now));
  EXPECT_NE(refusal(id).find("was used already, by z1"), std::string::npos) << refusal(id);
  const auto other = make(request());
  now += 10min;
  EXPECT_NE(refusal(other).find("expired at"), std::string::npos) << refusal(other);
}

TEST_F(JoinTokensTest, UsedExpiredRevokedAndUnknownAreSaidInWordsOfTheirOwn) {
  const auto used = make(request()), expired = make(request(1, 60)), revoked = make(request());
  write(book.used(used, "z1", now));
  v1::JoinTokenRevoke revoke;
  revoke.set_id(revoked);
  revoke.set_by("token 7");
  write(*book.revoke(revoke, now));
  EXPECT_EQ(book.revoke(revoke, now).error().code, Code::conflict);
  now += 2min;
  EXPECT_NE(refusal(used).find("used already"), std::string::npos);
  EXPECT_NE(refusal(expired).find("expired at"), std::string::npos);
  EXPECT_NE(refusal(revoked).find("revoked at"), std::string::npos);
  EXPECT_NE(refusal(revoked).find("by token 7"), std::string::npos);
  EXPECT_NE(refusal("1234567812345678").find("not known here"), std::string::npos);
  // Who has no more than the id is told nothing of it.
  for (const auto& id : {used, expired, revoked})
    EXPECT_NE(refusal(id, "guess").find("not known here"), std::string::npos);
}

TEST_F(JoinTokensTest, AsManyZhostsJoinAsItHasUses) {
  const auto id = make(request(3, 0, "local"));
  for (const char* zhost : {"z1", "z2", "z3"}) {
    EXPECT_EQ(book.check(id, "hash", now)->role(), "local");
    write(book.used(id, zhost, now));
  }
  EXPECT_NE(refusal(id).find("z1, z2, z3"), std::string::npos);
  const auto list = book.list(now);
  ASSERT_EQ(list.tokens_size(), 1);
  EXPECT_EQ(list.tokens(0).state(), "used");
  EXPECT_EQ(list.tokens(0).made_by(), "operator of zhost a");
}

TEST_F(JoinTokensTest, WhatNobodyCanHaveIsRefused) {
  EXPECT_EQ(make(request(1, 0, "leader")), "");
  EXPECT_EQ(make(request(1, JoinTokens::ttl_seconds_max + 1)), "");
  EXPECT_EQ(make(request(JoinTokens::uses_max + 1)), "");
  v1::JoinTokenRevoke revoke;
  revoke.set_id("115");
  EXPECT_EQ(book.revoke(revoke, now).error().code, Code::invalid);
  revoke.set_id("9999");
  EXPECT_EQ(book.revoke(revoke, now).error().code, Code::not_found);
  make(request());
  make(request());
  revoke.set_id(std::to_string(made).substr(0, 8));
  EXPECT_EQ(book.revoke(revoke, now).error().code, Code::invalid) << "which of the two";
}

TEST_F(JoinTokensTest, TheirNumberIsBoundedAndThoseThatAreOverMakeRoom) {
  for (std::size_t i = 0; i < JoinTokens::tokens_max; ++i) ASSERT_NE(make(request()), "");
  EXPECT_EQ(make(request()), "");
  now += 10min + 24h * 7 - 1s;
  EXPECT_EQ(make(request()), "") << "they are still shown";
  now += 1s;
  EXPECT_NE(make(request()), "");
  EXPECT_EQ(static_cast<std::size_t>(book.list(now).tokens_size()),
            JoinTokens::tokens_max - JoinTokens::tidied_max + 1);
}

}  // namespace
}  // namespace controlplane
