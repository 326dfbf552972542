// SPDX-License-Identifier: Apache-2.0
#include "adapters/tls/session.h"

#include <gtest/gtest.h>

#include "adapters/tls/certifier.h"

namespace adapters::tls {
namespace {

using namespace std::chrono_literals;
using Role = ports::CertificateRole;

struct Cluster {
  Certifier certifier;
  stdx::WallTime now{std::chrono::seconds(1'800'000'000)};
  std::string name;
  ports::KeyAndCertificate authority;

  explicit Cluster(std::string cluster = "plant") : name(std::move(cluster)) {
    authority.key = certifier.make_key();
    authority.certificate =
        *certifier.make_authority(authority.key, name, {now - 24h, now + 24h * 3650});
  }
  ports::KeyAndCertificate make(Role role, const std::string& zhost) {
    const auto key = certifier.make_key();
    return {key, *certifier.issue(authority, *certifier.make_request(key),
                                  {{name, role, zhost}, {now - 1h, now + 24h}, {}})};
  }
  ports::Trust trust() { return {name, {authority.certificate}, {}, 1h}; }
};

struct Pair {
  Cluster plant;
  stdx::WallTime client_time = plant.now, server_time = plant.now;
  Context client_context{[this] { return client_time; }};
  Context server_context{[this] { return server_time; }};
  Expect client_expects{"samoza-peer/1", true, {Role::zhost}}, server_expects = client_expects;
  std::unique_ptr<Session> client, server;
  stdx::Status client_said, server_said;
  std::string kept[2];  // cipher bytes live until they were read

  Pair() {
    EXPECT_TRUE(client_context.use(plant.make(Role::zhost, "z1"), plant.trust()));
    EXPECT_TRUE(server_context.use(plant.make(Role::zhost, "z2"), plant.trust()));
  }
  void open() {
    client = *Session::make(client_context, Side::client, client_expects);
    server = *Session::make(server_context, Side::server, server_expects);
    client_said = client->begin();
    server_said = server->begin();
  }
  static stdx::Result<std::string> pass(Session& from, Session& to, std::string& keep,
                                        std::size_t piece = 1u << 20) {
    keep = std::exchange(from.outgoing(), {});
    std::string plain, room(1 << 16, '\0');
    for (std::size_t at = 0; at < keep.size(); at += piece) {
      TRY(to.feed(stdx::BytesView(keep).substr(at, piece)));
      for (;;) {
        TRY_ASSIGN(const auto n, to.read(room.data(), room.size()));
        if (n == 0) break;
        plain.append(room, 0, n);
      }
    }
    return plain;
  }
  void shake(std::size_t piece = 1u << 20) {
    open();
    for (int round = 0; round < 4; ++round) {
      if (auto passed = pass(*client, *server, kept[0], piece); !passed && server_said)
        server_said = std::unexpected(passed.error());
      if (auto passed = pass(*server, *client, kept[1], piece); !passed && client_said)
        client_said = std::unexpected(passed.error());
    }
  }
  std::string server_refuses() {
    shake();
    return server_said ? "" : server_said.error().message;
  }
  std::string client_refuses() {
    shake();
    return client_said ? "" : client_said.error().message;
  }
};

TEST(SessionTest, BothSidesProveWhoTheyAreAndBytesGoBothWays) {
  Pair pair;
  pair.shake();
  ASSERT_TRUE(pair.client_said && pair.server_said);
  ASSERT_TRUE(pair.client->ready() && pair.server->ready());
  EXPECT_EQ(pair.client->peer(), (ports::Identity{"plant", Role::zhost, "z2"}));
  EXPECT_EQ(pair.server->peer(), (ports::Identity{"plant", Role::zhost, "z1"}));
  const std::string large(100'000, 'x');
  ASSERT_TRUE(pair.client->write("small"));
  ASSERT_TRUE(pair.client->write(large));
  EXPECT_EQ(pair.client->outgoing().find("small"), std::string::npos);
  EXPECT_EQ(*Pair::pass(*pair.client, *pair.server, pair.kept[0]), "small" + large);
  ASSERT_TRUE(pair.server->write("back"));
  EXPECT_EQ(*Pair::pass(*pair.server, *pair.client, pair.kept[1], 1), "back");
  pair.client->finish();
  EXPECT_EQ(*Pair::pass(*pair.client, *pair.server, pair.kept[0]), "");
  EXPECT_TRUE(pair.server->ended());
}

TEST(SessionTest, AHandshakeMayComeByteByByte) {
  Pair pair;
  pair.shake(1);
  EXPECT_TRUE(pair.client->ready() && pair.server->ready());
}

TEST(SessionTest, ACertificateOfAnotherClusterIsRefusedByEitherSide) {
  Pair pair;
  Cluster other("field");
  ASSERT_TRUE(pair.client_context.use(other.make(Role::zhost, "z1"), pair.plant.trust()));
  EXPECT_NE(pair.server_refuses().find("not signed by this cluster's authority"),
            std::string::npos);
  Pair back;
  ASSERT_TRUE(back.server_context.use(other.make(Role::zhost, "z1"), back.plant.trust()));
  EXPECT_NE(back.client_refuses().find("not signed by this cluster's authority"),
            std::string::npos);
  EXPECT_FALSE(back.client->ready());
}

TEST(SessionTest, ExpiredEarlyAndMissingCertificatesAndAnotherRoleAreRefusedWithTheReason) {
  Pair expired;
  expired.server_time += 26h;
  EXPECT_NE(expired.server_refuses().find("expired at"), std::string::npos);
  Pair early;
  early.server_time -= 3h;
  EXPECT_NE(early.server_refuses().find("valid from"), std::string::npos);
  Pair role;
  ASSERT_TRUE(role.client_context.use(role.plant.make(Role::data, "z1"), role.plant.trust()));
  EXPECT_NE(role.server_refuses().find("role data; zhost is needed"), std::string::npos);
  Pair none;
  ASSERT_TRUE(none.client_context.use({}, none.plant.trust()));
  EXPECT_EQ(none.server_refuses(), "it shows no certificate");
}

TEST(SessionTest, AnAlertOfTheOtherSideSaysThatItRefused) {
  Pair pair;
  ASSERT_TRUE(pair.client_context.use({}, pair.plant.trust()));
  EXPECT_NE(pair.client_refuses().find("the other side refused"), std::string::npos);
}

TEST(SessionTest, AServerThatAsksForNoCertificateTakesNoneButNoFalseOne) {
  Pair pair;
  pair.server_expects.certificate_needed = false;
  ASSERT_TRUE(pair.client_context.use({}, pair.plant.trust()));
  pair.shake();
  ASSERT_TRUE(pair.server->ready());
  EXPECT_EQ(pair.server->peer().role, Role::none);
  Cluster other("plant");
  ASSERT_TRUE(pair.client_context.use(other.make(Role::zhost, "z1"), pair.plant.trust()));
  EXPECT_FALSE(pair.server_refuses().empty());
}

TEST(SessionTest, AJoiningSideChecksTheAuthorityByTheHashOfItsTokenBeforeItSaysAnything) {
  Pair pair;
  pair.server_expects.certificate_needed = false;
  pair.client_expects.roles = {Role::control_plane};
  ASSERT_TRUE(
      pair.server_context.use(pair.plant.make(Role::control_plane, ""), pair.plant.trust()));
  const auto hash = *pair.plant.certifier.key_hash(pair.plant.authority.key);
  ASSERT_TRUE(pair.client_context.use({}, {"plant", {}, hash, 1h}));
  pair.shake();
  EXPECT_TRUE(pair.client->ready());
  const auto wrong = *pair.plant.certifier.key_hash(pair.plant.certifier.make_key());
  ASSERT_TRUE(pair.client_context.use({}, {"plant", {}, wrong, 1h}));
  EXPECT_NE(pair.client_refuses().find("authority"), std::string::npos);
  EXPECT_FALSE(pair.client->ready());
}

TEST(SessionTest, AnotherProtocolAndGarbageAreRefused) {
  Pair pair;
  pair.client_expects.protocol = "samoza-data/1";
  EXPECT_FALSE(pair.server_refuses().empty());
  Pair garbage;
  garbage.open();
  const auto fed = garbage.server->feed("GET / HTTP/1.1\r\n\r\n");
  ASSERT_FALSE(fed);
  EXPECT_NE(fed.error().message.find("TLS"), std::string::npos);
  Pair changed;
  changed.shake();
  ASSERT_TRUE(changed.client->write("message"));
  changed.client->outgoing()[10] ^= 1;
  EXPECT_FALSE(Pair::pass(*changed.client, *changed.server, changed.kept[0]));
}

TEST(SessionTest, AKeyThatIsNotOfItsCertificateChangesNothing) {
  Pair pair;
  auto own = pair.plant.make(Role::zhost, "z1");
  own.key = pair.plant.certifier.make_key();
  EXPECT_FALSE(pair.client_context.use(own, pair.plant.trust()));
  EXPECT_FALSE(pair.client_context.use({"x", "y"}, pair.plant.trust()));
  pair.shake();
  EXPECT_TRUE(pair.server->ready());
  Context empty{[] { return stdx::WallTime(); }};
  EXPECT_EQ(Session::make(empty, Side::client, {}).error().code, stdx::Code::unavailable);
}

TEST(ClientHelloTest, TheProtocolIsFoundWithoutTakingAByteAndGarbageIsNoHello) {
  Pair pair;
  pair.client_expects.protocol = "samoza-data/1";
  pair.open();
  const auto hello = pair.client->outgoing();
  ASSERT_LT(hello.size(), hello_bytes_max);
  EXPECT_EQ(offered_protocols(hello)->protocols, std::vector<std::string>{"samoza-data/1"});
  for (std::size_t n = 0; n < hello.size(); ++n) {
    const auto part = offered_protocols(stdx::BytesView(hello).substr(0, n));
    ASSERT_TRUE(part) << n;
    EXPECT_FALSE(part->whole) << n;
  }
  EXPECT_FALSE(offered_protocols("GET / HTTP/1.1"));
  EXPECT_FALSE(offered_protocols(stdx::Bytes(100, '\x16')));
  EXPECT_FALSE(offered_protocols(stdx::Bytes("\x16\x03\x01\xff\xff", 5)));
  for (std::size_t at = 0; at < hello.size(); ++at) {
    auto changed = hello;
    changed[at] ^= '\xff';
    (void)offered_protocols(changed);  // it may find nothing, but never reads past the end
  }
}

}  // namespace
}  // namespace adapters::tls
