// SPDX-License-Identifier: Apache-2.0
#include "zmesh/credentials.h"

#include <gtest/gtest.h>

#include "zmesh/testing/fake_control_plane.h"

namespace zmesh {
namespace {

using namespace std::chrono_literals;

struct Zhost {
  simkit::MachineClock clock;
  simkit::Process process;
  ports::Runtime runtime;
  simkit::StubCertifier certifier{5};
  simkit::StubIdentity identity{certifier, process}, asking{certifier, process};
  std::unique_ptr<ports::HttpClient> http;
  std::string token = FakeAuthority().join_token;
  v1::ZhostCredentials kept;
  v1::KeyRing kept_keys;
  ControlPlaneAddresses control_plane{{ports::Endpoint::Kind::websocket, "127.0.0.9", 9000, "/ws"}};
  std::unique_ptr<Credentials> credentials;
  int changes = 0;

  Zhost(simkit::World& world, simkit::HttpNetwork& web)
      : process(world, "z1", "zmesh", {}, &clock),
        runtime(process.runtime()),
        http(web.client(process, &asking)) {}
  void start(const std::string& id = "z1") {
    credentials = std::make_unique<Credentials>(
        runtime, ports::Security{certifier, identity, asking}, *http, control_plane,
        Credentials::Options{"test", id, kept,
                             [this](const v1::ZhostCredentials& now) { kept = now; },
                             [this]() -> stdx::Result<std::string> {
                               if (token.empty())
                                 return stdx::fail(stdx::Code::unavailable, "no token");
                               return token;
                             },
                             kept_keys, [this](const v1::KeyRing& now) { kept_keys = now; }});
    credentials->on_change = [this] { ++changes; };
    credentials->start();
  }
};

struct Fixture : testing::Test {
  simkit::World world{1};
  simkit::Network network{world};
  simkit::HttpNetwork web{world, network};
  FakeControlPlane control_plane{world, network, web};
  Zhost zhost{world, web};

  bool ready_within(stdx::Duration time) {
    return world.run_until_true([&] { return zhost.credentials->ready(); }, time);
  }
  std::size_t asked() const { return control_plane.order.size(); }
};
using CredentialsTest = Fixture;

TEST_F(CredentialsTest, TheFirstTimeAJoinTokenIsShownAndLaterTheKeyAlone) {
  zhost.start();
  ASSERT_TRUE(ready_within(1s));
  EXPECT_EQ(control_plane.certified.token_id(), "0123456789abcdef");
  EXPECT_EQ(control_plane.certified.token_secret(), stdx::Bytes(32, 's'));
  EXPECT_EQ(zhost.changes, 1);
  const auto certificate = zhost.kept.certificate();
  EXPECT_FALSE(certificate.empty());
  zhost.start();
  EXPECT_TRUE(zhost.credentials->ready()) << "what was kept is good at once";
  world.run_for(1h);
  EXPECT_EQ(asked(), 1u);
  world.run_for(12h);
  EXPECT_EQ(asked(), 2u) << "renewed at half of its life";
  EXPECT_TRUE(control_plane.certified.token_id().empty());
  EXPECT_EQ(control_plane.certified.former(), certificate);
  EXPECT_NE(zhost.kept.certificate(), certificate);
  EXPECT_EQ(zhost.changes, 3);
}

TEST_F(CredentialsTest, AZhostThatWasOffForLongAsksWithItsExpiredCertificateAndNoToken) {
  zhost.start();
  ASSERT_TRUE(ready_within(1s));
  zhost.credentials.reset();
  world.run_for(24h * 400);
  zhost.token.clear();
  zhost.start();
  EXPECT_FALSE(zhost.credentials->ready());
  ASSERT_TRUE(ready_within(1s));
  EXPECT_TRUE(control_plane.certified.token_id().empty());
}

TEST_F(CredentialsTest, ARunningZhostWhoseCertificateExpiredIsNotReadyUntilItHasAnother) {
  zhost.start();
  ASSERT_TRUE(ready_within(1s));
  control_plane.certifies_nobody = {stdx::Code::unavailable, "the store is away"};
  world.run_for(23h);
  EXPECT_TRUE(zhost.credentials->ready());
  EXPECT_EQ(zhost.credentials->trouble(), "the store is away");
  world.run_for(2h);
  EXPECT_FALSE(zhost.credentials->ready());
  control_plane.certifies_nobody.reset();
  EXPECT_TRUE(ready_within(60s));
  EXPECT_TRUE(zhost.credentials->trouble().empty());
}

TEST_F(CredentialsTest, AControlPlaneThatDoesNotKnowTheKeyIsShownTheToken) {
  zhost.start();
  ASSERT_TRUE(ready_within(1s));
  control_plane.certifies_nobody = {stdx::Code::denied, "another key"};
  world.run_for(12h);
  EXPECT_FALSE(control_plane.certified.token_id().empty());
}

TEST_F(CredentialsTest, ATokenThatPinsAnotherAuthorityMakesTheZhostJoinAnew) {
  zhost.start();
  ASSERT_TRUE(ready_within(1s));
  // The cluster was made anew, and so was its authority.
  auto& anew = control_plane.authority;
  anew.authority.key = anew.certifier.make_key();
  const auto now = control_plane.process.wall();
  anew.authority.certificate =
      *anew.certifier.make_authority(anew.authority.key, "test", {now - 1h, now + 9000h});
  auto token = *wire::parse_join_token(zhost.token);
  token.authority_hash = *anew.certifier.key_hash(anew.authority.key);
  zhost.token = to_text(token);
  const auto key = zhost.kept.key();
  world.run_for(13h);
  ASSERT_TRUE(zhost.credentials->ready());
  EXPECT_EQ(zhost.kept.authorities(0), anew.authority.certificate);
  EXPECT_EQ(zhost.kept.key(), key);
}

TEST_F(CredentialsTest, KeysComeWithTheCertificatesAndAreKeptByTheClockOfThisMachine) {
  zhost.clock.wall_offset = -20min;
  control_plane.authority.keys.mutable_beat(0)->set_until_ms(
      static_cast<std::uint64_t>((control_plane.process.wall() + 1h).time_since_epoch().count()));
  zhost.start();
  ASSERT_TRUE(ready_within(1s));
  ASSERT_EQ(zhost.kept_keys.beat_size(), 1);
  EXPECT_EQ(zhost.kept_keys.beat(0).secret(), control_plane.authority.keys.beat(0).secret());
  const stdx::WallTime until{std::chrono::milliseconds(zhost.kept_keys.beat(0).until_ms())};
  EXPECT_NEAR(static_cast<double>(stdx::to_ms(until - zhost.process.wall())), 3600e3, 2000.0);
  zhost.start();
  world.run_for(1h);
  EXPECT_EQ(asked(), 1u) << "what was kept is of use at once";
  zhost.kept_keys.Clear();
  zhost.start();
  EXPECT_TRUE(world.run_until_true([&] { return zhost.kept_keys.beat_size() == 1; }, 1s))
      << "and asked for where it is lost";
}

TEST_F(CredentialsTest, NewKeysAreAskedForWithinASecondOfTheWordOfThem) {
  zhost.start();
  ASSERT_TRUE(ready_within(1s));
  world.run_for(1min);
  zhost.credentials->keys_wanted(2);  // as many as it has
  world.run_for(1min);
  EXPECT_EQ(asked(), 1u);
  control_plane.authority.add_key();
  zhost.credentials->keys_wanted(4);
  EXPECT_TRUE(world.run_until_true([&] { return zhost.kept_keys.access_size() == 2; }, 2s));
  EXPECT_EQ(control_plane.certified.beat_generation(), 1u);
  world.run_for(1min);
  EXPECT_EQ(asked(), 2u);
}

TEST_F(CredentialsTest, AZhostWhoseCertificateIsNotTakenAsksForAnotherAtABoundedRate) {
  zhost.start();
  ASSERT_TRUE(ready_within(1s));
  const auto former = zhost.kept.certificate();
  world.run_for(1min);
  for (int i = 0; i < 100; ++i) zhost.credentials->doubt();
  world.run_for(2s);
  EXPECT_EQ(asked(), 2u);
  EXPECT_NE(zhost.kept.certificate(), former);
  // Where that is refused the one that it has is shown on.
  control_plane.certifies_nobody = {stdx::Code::denied, "zhost 'z1' was forgotten"};
  world.run_for(5s);
  zhost.credentials->doubt();
  world.run_for(1s);
  EXPECT_TRUE(zhost.credentials->ready());
  EXPECT_NE(zhost.credentials->trouble().find("was forgotten"), std::string::npos);
}

TEST_F(CredentialsTest, AskingForAnotherCertificateTakesTheOneInUseOffNoOtherLink) {
  zhost.start();
  ASSERT_TRUE(ready_within(1s));
  auto& authority = control_plane.authority;
  simkit::StubIdentity peer(authority.certifier, control_plane.process);
  ASSERT_TRUE(peer.use({}, {"test", {authority.authority.certificate}, {}}));
  const auto taken = [&] {
    return peer.accept(zhost.identity, {{ports::CertificateRole::zhost}, true}).has_value();
  };
  ASSERT_TRUE(taken());
  control_plane.certifies_nobody = {stdx::Code::unavailable, "the store is away"};
  zhost.credentials->doubt();
  for (int i = 0; i < 100; ++i) {
    world.run_for(50ms);
    EXPECT_TRUE(taken());
  }
  EXPECT_GT(asked(), 1u);
}

TEST_F(CredentialsTest, AZhostThatWasForgottenJoinsAgainWithAnotherKeyAndAToken) {
  zhost.start();
  ASSERT_TRUE(ready_within(1s));
  const auto key = zhost.kept.key(), data_key = zhost.kept.data_key();
  control_plane.certifies_nobody = {stdx::Code::stale, "zhost 'z1' was forgotten"};
  zhost.credentials->doubt();
  ASSERT_TRUE(world.run_until_true([&] { return zhost.kept.key() != key; }, 2s));
  EXPECT_NE(zhost.kept.data_key(), data_key);
  EXPECT_TRUE(zhost.kept.certificate().empty());
  control_plane.certifies_nobody.reset();
  ASSERT_TRUE(ready_within(60s));
  EXPECT_FALSE(control_plane.certified.token_id().empty());
}

TEST_F(CredentialsTest, RJoin1EachAddressOfTheTokenIsTriedAndWhatTheControlPlaneSaysLaterIsKept) {
  const auto nobody_there = [&] {
    zhost.control_plane =
        ControlPlaneAddresses({ports::Endpoint::Kind::websocket, "127.0.0.7", 9000, "/ws"});
  };
  nobody_there();
  auto token = *wire::parse_join_token(zhost.token);
  token.addresses = {"127.0.0.7:9000", "[fd00::8]:9000", "127.0.0.9:9000"};
  zhost.token = to_text(token);
  zhost.start();
  ASSERT_TRUE(ready_within(10s));
  ASSERT_EQ(zhost.kept.control_planes_size(), 1);
  // Off for a month, without a token, and the configured address is of nobody still.
  zhost.credentials.reset();
  zhost.token.clear();
  nobody_there();
  world.run_for(24h * 30);
  zhost.start();
  EXPECT_TRUE(ready_within(10s));
}

TEST_F(CredentialsTest, WhatWasKeptOfAnotherZhostOrIsDamagedIsNotUsed) {
  zhost.start();
  ASSERT_TRUE(ready_within(1s));
  const auto key = zhost.kept.key();
  zhost.start("z2");
  ASSERT_TRUE(ready_within(1s));
  EXPECT_NE(zhost.kept.key(), key);
  EXPECT_EQ(control_plane.certified.zhost(), "z2");
  zhost.kept.set_key("damaged");
  zhost.start("z2");
  EXPECT_FALSE(zhost.credentials->ready());
  EXPECT_TRUE(ready_within(1s));
}

TEST_F(CredentialsTest, AClockThatIsHalfAnHourOffWorksAndIsSaid) {
  zhost.clock.wall_offset = -50min;
  zhost.start();
  ASSERT_TRUE(ready_within(1s));
  EXPECT_NEAR(static_cast<double>(stdx::to_ms(zhost.credentials->clock_difference())),
              50.0 * 60 * 1000, 1000.0);
}

}  // namespace
}  // namespace zmesh
