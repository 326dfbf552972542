// SPDX-License-Identifier: Apache-2.0
#include "controlplane/authority.h"

#include <gtest/gtest.h>

#include "simkit/process.h"
#include "simkit/stub_certifier.h"
#include "wire/certify.h"
#include "wire/join_token.h"

namespace controlplane {
namespace {

using namespace std::chrono_literals;
using Role = ports::CertificateRole;
using stdx::Code;

struct Fixture : testing::Test {
  simkit::World world{1};
  simkit::Process process{world, "cp", "controlplane"};
  simkit::StubCertifier certifier;
  stdx::WallTime wall = process.wall();
  stdx::Instant now = process.now();
  Authority::Options options;
  wire::JoinToken token;
  std::string source = "10.0.0.1";
  std::unique_ptr<Authority> authority;

  Fixture() {
    options.cluster_id = "plant";
    options.authority.key = certifier.make_key();
    options.authority.certificate =
        *certifier.make_authority(options.authority.key, "plant", {wall - 1h, wall + 24h * 7300});
    token = wire::make_join_token(process, {}, *certifier.key_hash(options.authority.key));
    options.local_token_id = token.id;
    options.local_token_hash = wire::secret_hash(certifier, token.secret);
    authority = std::make_unique<Authority>(certifier, options);
  }
  struct Zhost {
    std::string id;
    stdx::Bytes key, data_key;
  };
  Zhost make(const std::string& id) { return {id, certifier.make_key(), certifier.make_key()}; }
  void sign(v1::CertifyRequest& request, const stdx::Bytes& key) {
    request.set_signature(*certifier.sign(key, wire::signed_part(request)));
  }
  v1::CertifyRequest request(const Zhost& zhost, bool with_token = false,
                             const std::string& former = "") {
    v1::CertifyRequest asked;
    asked.set_cluster_id("plant");
    asked.set_zhost(zhost.id);
    asked.set_request(*certifier.make_request(zhost.key));
    asked.set_data_request(*certifier.make_request(zhost.data_key));
    asked.set_former(former);
    if (with_token) {
      asked.set_token_id(token.id);
      asked.set_token_secret(token.secret);
    }
    sign(asked, zhost.key);
    return asked;
  }
  void write(const ports::RecordChange& change) {
    if (change.kind == "key") {
      v1::KeyRecord record;
      EXPECT_TRUE(record.ParseFromString(*change.value));
      authority->learn(change.key, record, change.expected_version + 1);
    } else if (change.kind == Revocations::record_kind) {
      v1::RevokedRecord record;
      if (!change.value) return authority->revocations().forget(change.key);
      EXPECT_TRUE(record.ParseFromString(*change.value));
      authority->revocations().learn(change.key, record.until(), change.expected_version + 1);
    } else {
      v1::JoinTokenRecord record;
      EXPECT_TRUE(record.ParseFromString(*change.value));
      authority->join_tokens().learn(record, change.expected_version + 1);
    }
  }
  void forget(const std::string& zhost) {
    const auto changes = authority->to_forget(zhost, wall);
    ASSERT_TRUE(changes);
    for (const auto& change : *changes) write(change);
  }
  wire::JoinToken make_token(const std::string& role = "super") {
    auto made = authority->make_join_token(process);
    v1::JoinTokenRequest wanted;
    wanted.set_role(role);
    const auto changes = authority->join_tokens().make(
        wanted, made, wire::secret_hash(certifier, made.secret), wall);
    EXPECT_TRUE(changes);
    for (const auto& change : *changes) write(change);
    return made;
  }
  v1::CertifyRequest request_with(const Zhost& zhost, const wire::JoinToken& shown) {
    auto asked = request(zhost);
    asked.set_token_id(shown.id);
    asked.set_token_secret(shown.secret);
    sign(asked, zhost.key);
    return asked;
  }
  // What happens in the service: judged, written, learned.
  stdx::Result<std::string> ask(const v1::CertifyRequest& asked) {
    const auto decision = authority->judge(asked, source, now, wall);
    if (!decision) return std::unexpected(decision.error());
    for (const auto& change : decision->changes) write(change);
    return decision->why;
  }
};
using AuthorityTest = Fixture;

TEST_F(AuthorityTest, AZhostJoinsWithATokenAndIsKnownByItsKeyAfterwards) {
  const auto zhost = make("z1");
  EXPECT_EQ(ask(request(zhost)).error().code, Code::denied);
  EXPECT_EQ(*ask(request(zhost, true)), "joined");
  EXPECT_EQ(*ask(request(zhost)), "renewed");
  wall += 24h * 400;
  EXPECT_EQ(*ask(request(zhost)), "renewed") << "a cluster that was off for 400 days";
}

TEST_F(AuthorityTest, CertificatesAreOfTheZhostAndItsDataLinksAndGoodForADay) {
  const auto zhost = make("z1");
  const auto reply = *authority->issue(request(zhost), wall);
  const auto own = *certifier.verify(reply.certificate(), {}, authority->trust(), wall);
  EXPECT_EQ(own.identity, (ports::Identity{"plant", Role::zhost, "z1"}));
  EXPECT_EQ(own.key_hash, *certifier.key_hash(zhost.key));
  EXPECT_EQ(own.validity, (ports::Validity{wall - 1h, wall + 24h}));
  const auto data = *certifier.verify(reply.data_certificate(), {}, authority->trust(), wall);
  EXPECT_EQ(data.identity, (ports::Identity{"plant", Role::data, "z1"}));
  EXPECT_EQ(data.key_hash, *certifier.key_hash(zhost.data_key));
  const auto control_plane = *authority->own(wall);
  EXPECT_EQ(
      certifier.verify(control_plane.certificate, {}, authority->trust(), wall)->identity.role,
      Role::control_plane);
}

TEST_F(AuthorityTest, ARecordedZhostIsNotTakenOverWithAnotherKey) {
  ASSERT_TRUE(ask(request(make("z1"), true)));
  const auto thief = make("z1");
  const auto refused = ask(request(thief));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::denied);
  EXPECT_NE(refused.error().message.find("another key"), std::string::npos);
  // Its owner, who has the token of this machine, lost its state_dir.
  EXPECT_EQ(*ask(request(thief, true)), "joined anew, with the token of this machine");
}

TEST_F(AuthorityTest, ARequestIsGoodForItsOwnKeysOnly) {
  const auto zhost = make("z1"), other = make("z1");
  ASSERT_TRUE(ask(request(zhost, true)));
  // Somebody who saw the request of z1 puts a data key of his own into it.
  auto forged = request(zhost);
  forged.set_data_request(*certifier.make_request(other.data_key));
  EXPECT_EQ(ask(forged).error().code, Code::denied);
  sign(forged, other.key);
  EXPECT_EQ(ask(forged).error().code, Code::denied);
  auto elsewhere = request(zhost);
  elsewhere.set_zhost("z2");
  EXPECT_FALSE(ask(elsewhere));
}

TEST_F(AuthorityTest, WhereTheRecordsAreOlderThanAZhostItsFormerCertificateProvesItsKey) {
  const auto zhost = make("z1");
  const auto former = authority->issue(request(zhost), wall)->certificate();
  authority = std::make_unique<Authority>(certifier, options);
  wall += 24h * 30;
  EXPECT_EQ(*ask(request(zhost, false, former)), "known by its former certificate");
  EXPECT_EQ(*ask(request(zhost)), "renewed");
  // Another zhost's, another key's, or another authority's former certificate proves nothing.
  const auto other = make("z2");
  EXPECT_FALSE(ask(request(other, false, former)));
  auto stolen = make("z3");
  const auto of_z3 = authority->issue(request(stolen), wall)->certificate();
  stolen.key = certifier.make_key();
  EXPECT_FALSE(ask(request(stolen, false, of_z3)));
  auto elsewhere = options;
  elsewhere.authority.key = certifier.make_key();
  elsewhere.authority.certificate =
      *certifier.make_authority(elsewhere.authority.key, "plant", {wall - 1h, wall + 24h});
  const auto foreign = Authority(certifier, elsewhere).issue(request(other), wall)->certificate();
  EXPECT_FALSE(ask(request(other, false, foreign)));
}

TEST_F(AuthorityTest, RJoin5ATokenOfAnOperatorLetsOneZhostInOnce) {
  const auto once = make_token("local");
  const auto first = make("z1"), second = make("z2");
  EXPECT_EQ(*ask(request_with(first, once)), "joined");
  EXPECT_TRUE(authority->is_local("z1"));
  EXPECT_EQ(*ask(request_with(first, once)), "renewed") << "its answer may have been lost";
  const auto refused = ask(request_with(second, once));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("was used already, by z1"), std::string::npos);
  EXPECT_FALSE(authority->is_local("z2"));
  auto guessed = make_token();
  guessed.secret = stdx::Bytes(32, 'g');
  EXPECT_NE(ask(request_with(second, guessed)).error().message.find("not known"),
            std::string::npos);
}

TEST_F(AuthorityTest, ATokenOfAnOperatorTakesNoOtherZhostsPlace) {
  ASSERT_TRUE(ask(request(make("z1"), true)));
  const auto other = make_token();
  const auto refused = ask(request_with(make("z1"), other));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("there is a zhost 'z1'"), std::string::npos);
  EXPECT_EQ(authority->join_tokens().list(wall).tokens(0).state(), "valid") << "it is not used up";
}

TEST_F(AuthorityTest, ATokenThatCannotBeCountedNowLetsNobodyIn) {
  const auto once = make_token();
  const auto decision =
      authority->judge(request_with(make("z1"), once), source, now, wall, /*records_open=*/false);
  ASSERT_FALSE(decision);
  EXPECT_EQ(decision.error().code, Code::unavailable);
}

TEST_F(AuthorityTest, AForgottenZhostProvesNothingUntilItJoinsAgainAndItsCertificatesEnd) {
  const auto zhost = make("z1");
  ASSERT_TRUE(ask(request(zhost, true)));
  const auto former = authority->issue(request(zhost), wall)->certificate();
  EXPECT_TRUE(authority->to_forget("z2", wall)->empty());
  wall += 1min;
  forget("z1");
  const auto refused = ask(request(zhost, false, former));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("was forgotten"), std::string::npos);
  const auto good = [&](const std::string& certificate) {
    return certifier.verify(certificate, {}, authority->trust(), wall).has_value();
  };
  EXPECT_FALSE(good(former));
  EXPECT_EQ(authority->revoked(wall).size(), 1u);
  // Not with its former key, which somebody else may have a copy of.
  EXPECT_EQ(ask(request_with(zhost, make_token())).error().code, Code::stale);
  EXPECT_EQ(ask(request(zhost, true)).error().code, Code::stale) << "nor with the local token";
  const auto anew = make("z1");
  EXPECT_EQ(*ask(request_with(anew, make_token())), "joined again");
  EXPECT_TRUE(good(authority->issue(request(anew), wall)->certificate()));
  wall -= 2h;  // the clock of this machine was put back
  const auto backdated = authority->issue(request(anew), wall)->certificate();
  wall += 2h;
  EXPECT_TRUE(good(backdated)) << "keys count, and no clock";
  EXPECT_FALSE(good(former)) << "whoever has a copy of that";
  wall += 24h + 3h;
  EXPECT_TRUE(authority->revoked(wall).empty()) << "it has expired by itself";
}

TEST_F(AuthorityTest, AConnectionThatBeganWithAGoodCertificateIsCheckedAgainLater) {
  const auto zhost = make("z1");
  ASSERT_TRUE(ask(request(zhost, true)));
  const auto identity = [&](const Zhost& of) {
    const auto reply = *authority->issue(request(of), wall);
    return certifier.read(reply.certificate())->identity;
  };
  const auto before = identity(zhost);
  EXPECT_TRUE(authority->check(before));
  forget("z1");
  EXPECT_EQ(authority->check(before).error().code, Code::denied);
  const auto anew = make("z1");
  EXPECT_EQ(*ask(request_with(anew, make_token())), "joined again");
  EXPECT_TRUE(authority->check(identity(anew)));
  EXPECT_FALSE(authority->check(before)) << "though a zhost of its name is there again";
}

// The records were put back from a copy that was made before.
TEST_F(AuthorityTest, ATokenThatWasUsedUpStaysSoWhereAZhostHasHeardOfIt) {
  const auto token_of = make_token();
  const auto copy = *authority->join_tokens().check(
      token_of.id, wire::secret_hash(certifier, token_of.secret), wall);
  ASSERT_TRUE(ask(request_with(make("z1"), token_of)));
  const auto told = authority->revoked(wall);
  ASSERT_EQ(told.size(), 1u);
  authority = std::make_unique<Authority>(certifier, options);
  authority->join_tokens().learn(copy, 1);
  for (const auto& change : authority->revocations().said(told, wall)) write(change);
  const auto refused = ask(request_with(make("z2"), token_of));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("was used up or revoked before"), std::string::npos);
}

TEST_F(AuthorityTest, ATokenWhoseOwnRowSaysThatItEndedIsNoNewsAndIsToldAsItIs) {
  const auto token_of = make_token();
  ASSERT_TRUE(ask(request_with(make("z1"), token_of)));
  EXPECT_TRUE(authority->said(authority->revoked(wall), wall).empty());
  const auto refused = ask(request_with(make("z2"), token_of));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("z1"), std::string::npos) << refused.error().message;
}

TEST_F(AuthorityTest, FalseTokensAreSlowedDownAndKnownZhostsAreNot) {
  const auto zhost = make("z1"), stranger = make("z2");
  ASSERT_TRUE(ask(request(zhost, true)));
  auto guess = request(stranger, true);
  guess.set_token_secret("guess");
  for (std::uint64_t i = 0; i < JoinAttempts::attempts_max; ++i) {
    ASSERT_EQ(ask(guess).error().code, Code::denied) << i;
  }
  EXPECT_EQ(ask(guess).error().code, Code::full);
  EXPECT_TRUE(ask(request(zhost)));
  EXPECT_TRUE(ask(request_with(make("z3"), make_token()))) << "a good one is never held back";
  source = "10.0.0.2";
  EXPECT_EQ(ask(guess).error().code, Code::denied) << "another address";
  source = "10.0.0.1";
  now += 1s;
  EXPECT_EQ(ask(guess).error().code, Code::denied);
  EXPECT_EQ(ask(guess).error().code, Code::full);
  now += 60s;
  EXPECT_TRUE(ask(request(stranger, true)));
}

TEST_F(AuthorityTest, GarbageAnotherClusterAndBadNamesAreRefused) {
  const auto zhost = make("z1");
  auto other = request(zhost, true);
  other.set_cluster_id("field");
  EXPECT_NE(ask(other).error().message.find("this is cluster 'plant', not 'field'"),
            std::string::npos);
  for (const std::string name : {"", "../z1", "z 1", "z1/zhost"}) {
    auto named = request(zhost, true);
    named.set_zhost(name);
    sign(named, zhost.key);
    EXPECT_FALSE(ask(named)) << name;
  }
  for (const int field : {3, 4, 5}) {
    auto garbage = request(zhost, true);
    if (field == 3) garbage.set_request("garbage");
    if (field == 4) garbage.set_data_request("garbage");
    if (field == 5) garbage.set_signature("garbage");
    EXPECT_FALSE(ask(garbage)) << field;
  }
  EXPECT_FALSE(ask({}));
}

}  // namespace
}  // namespace controlplane
