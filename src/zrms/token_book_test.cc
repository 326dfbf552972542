// SPDX-License-Identifier: Apache-2.0
#include "zrms/token_book.h"

#include <gtest/gtest.h>

#include "stdx/text.h"
#include "zrms/event_notes.h"
#include "zrms/testing/records.h"

namespace zrms {
namespace {

constexpr std::uint64_t now_seconds = 1'800'000'000;

stdx::WallTime at(std::uint64_t seconds) {
  return stdx::WallTime(std::chrono::seconds(seconds));
}

struct Tokens {
  TestRecords rows;
  std::uint64_t now = now_seconds;
  std::uint64_t next = 0xab00000000000001;

  Tokens() {
    model::Topology shop;
    shop.name = "shop";
    shop.spaces.push_back({.name = "desk"});
    rows.topology(shop);
  }
  TokenBook book() const { return TokenBook(rows.records, at(now)); }
  // The id, or why not.
  std::string make(const std::string& role, const std::string& topology = "",
                   std::uint64_t ttl = 0) {
    v1::TokenRequest request;
    request.set_role(role);
    request.set_topology(topology);
    request.set_ttl_seconds(ttl);
    request.set_note("for a test");
    const auto record = book().record_of(request, stdx::format("{:016x}", next++), "operator of z");
    if (!record) return record.error().message;
    const auto changes = book().make(*record);
    if (!changes) return changes.error().message;
    rows.records.apply(*changes);
    return record->id();
  }
  std::string revoke(const std::string& id) {
    const auto changes = book().revoke(id, "token 1");
    if (!changes) return changes.error().message;
    rows.records.apply(*changes);
    return changes->empty() ? "nothing" : (*changes)[0].key;
  }
};

TEST(TokenBookTest, ATokenIsListedWithWhatItMayAndRevokedByTheBeginningOfItsId) {
  Tokens t;
  const auto id = t.make("ingress", "shop", 3600);
  ASSERT_EQ(id, "ab00000000000001");
  auto list = t.book().list();
  ASSERT_EQ(list.tokens_size(), 1);
  EXPECT_EQ(list.tokens(0).role(), "ingress");
  EXPECT_EQ(list.tokens(0).topology(), "shop");
  EXPECT_EQ(list.tokens(0).state(), "valid");
  EXPECT_EQ(list.tokens(0).made_by(), "operator of z");
  EXPECT_EQ(list.tokens(0).expires_seconds(), now_seconds + 3600);
  EXPECT_EQ(t.revoke("ab00"), id);
  EXPECT_EQ(t.revoke(id), "nothing") << "it was revoked before";
  list = t.book().list();
  EXPECT_EQ(list.tokens(0).state(), "revoked");
  EXPECT_EQ(list.tokens(0).revoked_by(), "token 1");
  t.make("read");
  EXPECT_NE(t.revoke("ab00").find("several ids begin with"), std::string::npos);
  EXPECT_NE(t.revoke("ab").find("too short"), std::string::npos);
  EXPECT_NE(t.revoke("nothing").find("there is no access token 'nothing'"), std::string::npos);
}

TEST(TokenBookTest, ATokenThatTheseRecordsDoNotKnowIsRevokedByItsWholeId) {
  Tokens t;
  EXPECT_EQ(t.revoke("0123456789abcdef"), "0123456789abcdef");
  const auto& row = t.rows.records.tokens().at("0123456789abcdef").record;
  EXPECT_FALSE(row.revoked().empty());
  EXPECT_EQ(row.expires(), now_seconds + TokenBook::ttl_seconds_max) << "it cannot last longer";
  EXPECT_NE(t.revoke("0000000000000000").find("no access token"), std::string::npos);
}

TEST(TokenBookTest, WhatIsAskedForWronglyIsRefusedWithWhatToDo) {
  Tokens t;
  EXPECT_NE(t.make("king").find("they are read, operate, admin and ingress"), std::string::npos);
  EXPECT_NE(t.make("page").find("no role"), std::string::npos);
  EXPECT_NE(t.make("ingress").find("name it"), std::string::npos);
  EXPECT_NE(t.make("read", "shop").find("only a token of the role ingress"), std::string::npos);
  EXPECT_NE(t.make("ingress", "shp").find("did you mean 'shop'"), std::string::npos);
  EXPECT_NE(t.make("read", "", 367 * 86'400).find("at most 366 days"), std::string::npos);
}

TEST(TokenBookTest, RowsAreBoundedAndLeaveSomeTimeAfterTheirTokensExpire) {
  Tokens t;
  for (std::size_t i = 0; i < TokenBook::tokens_max; ++i) t.make("read", "", 3600);
  EXPECT_NE(t.make("read").find("keeps 1000 access tokens"), std::string::npos);
  t.now += 3600;
  EXPECT_EQ(t.book().list().tokens(0).state(), "expired");
  EXPECT_NE(t.make("read").find("keeps 1000"), std::string::npos) << "they are still shown";
  t.now += TokenBook::shown_after_seconds;
  EXPECT_EQ(t.make("read").size(), 16u);
  EXPECT_EQ(t.rows.records.tokens().size(), TokenBook::tokens_max - TokenBook::tidied_max + 1);
}

TEST(TokenBookTest, RowsAreReadBackAsTheyWereWrittenAndADamagedOneIsLeftAlone) {
  Tokens t;
  const auto id = t.make("operate");
  const auto record = t.rows.records.tokens().at(id).record;
  TestRecords read;
  read.add("token", id, record.SerializeAsString());
  read.add("token", "0000000000000009", record.SerializeAsString());
  ASSERT_EQ(read.records.tokens().size(), 1u);
  EXPECT_EQ(read.records.tokens().at(id).record.SerializeAsString(), record.SerializeAsString());
  EXPECT_TRUE(read.records.unreadable().contains("token/0000000000000009"));
}

TEST(TokenBookTest, WhoMadeAndWhoRevokedATokenIsAnEvent) {
  Tokens t;
  v1::TokenRequest request;
  request.set_role("ingress");
  request.set_topology("shop");
  request.set_note("kiosk");
  const auto record = t.book().record_of(request, "ab00000000000001", "operator of zhost z1");
  ASSERT_TRUE(record);
  const auto made = *t.book().make(*record);
  auto events = events_of(t.rows.records, made);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].what(), "token made");
  EXPECT_EQ(events[0].by(), "operator of zhost z1");
  EXPECT_EQ(events[0].why(), "ab00000000000001, role ingress of topology shop, 'kiosk'");
  t.rows.records.apply(made);
  events = events_of(t.rows.records, *t.book().revoke("ab00", "token 77"));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].what(), "token revoked");
  EXPECT_EQ(events[0].by(), "token 77");
}

}  // namespace
}  // namespace zrms
