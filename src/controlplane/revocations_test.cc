// SPDX-License-Identifier: Apache-2.0
#include "controlplane/revocations.h"

#include <gtest/gtest.h>

#include "samoza/v1/join.pb.h"
#include "simkit/stub_certifier.h"
#include "wire/access_token.h"
#include "wire/revoked_tokens.h"

namespace controlplane {
namespace {

using namespace std::chrono_literals;
using Role = ports::CertificateRole;
using stdx::Code;

struct Fixture : testing::Test {
  simkit::StubCertifier certifier;
  Seal seal{certifier, certifier.make_key()};
  stdx::WallTime now{std::chrono::hours(500'000)};
  Revocations revocations{seal};
  const std::string key = ports::key_id(stdx::Bytes(32, 'k'));

  static void write(Revocations& to, const std::vector<ports::RecordChange>& changes) {
    for (const auto& change : changes) {
      EXPECT_EQ(change.kind, Revocations::record_kind);
      samoza::v1::RevokedRecord record;
      if (!change.value) {
        to.forget(change.key);
        continue;
      }
      ASSERT_TRUE(record.ParseFromString(*change.value));
      to.learn(change.key, record.until(), change.expected_version + 1);
    }
  }
  static ports::Identity of(const std::string& zhost, const std::string& key_id,
                            Role role = Role::zhost) {
    return {"plant", role, zhost, key_id};
  }
};
using RevocationsTest = Fixture;

TEST_F(RevocationsTest, AKeyIsRevokedAndNoOtherKeyAndNoOtherZhost) {
  write(revocations, *revocations.revoke_key("z1", key, now, now + 27h));
  EXPECT_EQ(revocations.check(of("z1", key)).error().code, Code::denied);
  EXPECT_EQ(revocations.check(of("z1", key, Role::data)).error().code, Code::denied);
  EXPECT_TRUE(revocations.check(of("z1", ports::key_id(stdx::Bytes(32, 'n')))));
  EXPECT_TRUE(revocations.check(of("z2", key)));
  EXPECT_TRUE(revocations.revoke_key("z1", key, now, now + 27h)->empty()) << "once";
}

TEST_F(RevocationsTest, RecordsThatWerePutBackTakeItFromAZhostThatHasHeardOfIt) {
  write(revocations, *revocations.revoke_key("z1", key, now, now + 27h));
  wire::RevokedTokens kept;
  EXPECT_TRUE(kept.add(revocations.list(now), now));
  wire::RevokedTokens next_start;
  EXPECT_TRUE(next_start.add_text(kept.to_text(), now));
  Revocations older(seal);
  EXPECT_TRUE(older.check(of("z1", key)));
  write(older, older.said(next_start.list(), now));
  EXPECT_FALSE(older.check(of("z1", key)));
  EXPECT_TRUE(older.said(next_start.list(), now).empty()) << "it is no news";
  EXPECT_TRUE(Revocations(seal).said(next_start.list(), now + 27h).empty()) << "it is over";
}

TEST_F(RevocationsTest, AZhostCanMakeUpNone) {
  write(revocations, *revocations.revoke_key("z1", key, now, now + 27h));
  const auto good = revocations.list(now).at(0);
  Revocations older(seal);
  auto other = good;
  other.replace(other.find("z1"), 2, "z2");
  const auto unsealed = good.substr(0, good.rfind('/'));
  const Seal foreign(certifier, certifier.make_key());
  const auto by_another =
      Revocations(foreign).sealed(wire::revoked_zhost_id("z1", key), 4'000'000'000);
  for (const auto& text : {other, unsealed, unsealed + "/", unsealed + "/ab", by_another,
                           std::string("//"), std::string()})
    EXPECT_TRUE(older.said({text}, now).empty()) << text;
  EXPECT_EQ(older.said({other, good}, now).size(), 1u);
}

TEST_F(RevocationsTest, PastItsBoundNoZhostIsForgottenUntilTheCertificatesOfAnotherHaveExpired) {
  const auto id = [](std::size_t i) { return stdx::format("{:016x}", i); };
  for (std::size_t i = 0; i < Revocations::keys_max; ++i)
    write(revocations, *revocations.revoke_key("z1", id(i), now, now + 27h));
  const auto full = revocations.revoke_key("z2", key, now, now + 27h);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::full);
  EXPECT_FALSE(revocations.check(of("z1", id(0)))) << "none was given up for another";
  now += 27h;
  write(revocations, *revocations.revoke_key("z2", key, now, now + 27h));
  EXPECT_FALSE(revocations.check(of("z2", key)));
  EXPECT_LE(revocations.keys().size(), Revocations::keys_max);
  EXPECT_EQ(revocations.list(now).size(), 1u);
}

// Whoever may make join tokens could end as many as there may be.
TEST_F(RevocationsTest, NoNumberOfEndedTokensKeepsAZhostFromBeingForgotten) {
  const auto until = wire::seconds_of(now + 720h);
  for (std::size_t i = 0; i < 3 * Revocations::keys_max; ++i) {
    const auto id = wire::ended_join_token_id(stdx::format("{:016x}", i));
    write(revocations, revocations.said({revocations.sealed(id, until)}, now));
  }
  EXPECT_LE(revocations.list(now).size(), 2 * Revocations::keys_max);
  write(revocations, *revocations.revoke_key("z2", key, now, now + 27h));
  EXPECT_FALSE(revocations.check(of("z2", key)));
}

}  // namespace
}  // namespace controlplane
