// SPDX-License-Identifier: Apache-2.0
// The control plane's port: HTTPS and WebSockets by certificates, over real sockets.
#include <gtest/gtest.h>

#include <unistd.h>
#include <algorithm>

#include "adapters/loop/loop.h"
#include "adapters/net/http_client.h"
#include "adapters/net/http_server.h"
#include "adapters/net/transport.h"
#include "adapters/tls/certifier.h"
#include "simkit/process.h"

namespace adapters::net {
namespace {

using namespace std::chrono_literals;
using Role = ports::CertificateRole;

struct Echo final : ports::HttpHandler {
  std::unique_ptr<ports::Link> socket;
  ports::Identity linked;
  void handle(ports::HttpRequest request, ports::HttpReply reply) override {
    ports::HttpResponse response;
    response.body = ports::describe(request.caller) + " " + std::to_string(request.body.size());
    reply(std::move(response));
  }
  void handle_websocket(ports::HttpRequest, std::unique_ptr<ports::Link> link) override {
    socket = std::move(link);
    linked = socket->identity();
    socket->start({.on_frame = [this](stdx::Bytes frame) { socket->send("echo " + frame); },
                   .on_closed = [this](const stdx::Error&) { socket.reset(); },
                   .on_writable = {}});
  }
};

struct Fixture {
  simkit::World world{1};
  simkit::Process quiet{world, "z", "test"};  // its log and randomness only
  loop::Loop loop;
  ports::Metrics metrics;
  Echo echo;
  tls::Certifier certifier;
  ports::KeyAndCertificate authority = make_authority();
  tls::Context server_side{[this] { return loop.wall(); }};
  tls::Context client_side{[this] { return loop.wall(); }};
  HttpServer server{loop,
                    quiet,
                    metrics,
                    echo,
                    {.ip = "127.0.0.1",
                     .port = 0,
                     .identity = &server_side,
                     .token = "t",
                     .binary_sockets = {"/ws"},
                     .join_paths = {"/ws", "/join"}}};
  NetHttpClient client{loop, "127.0.0.1", &client_side};
  std::string folder = "/tmp/samoza-https-XXXXXX";
  NetTransport transport{
      loop, {.run_dir = mkdtemp(folder.data()), .bind_ip = "127.0.0.1", .identity = &client_side}};

  Fixture() {
    EXPECT_TRUE(server_side.use(make(Role::control_plane, ""), trust()));
    EXPECT_TRUE(client_side.use(make(Role::zhost, "z1"), trust()));
    EXPECT_TRUE(server.start());
  }
  ~Fixture() { rmdir(folder.c_str()); }
  ports::KeyAndCertificate make_authority() {
    const auto key = certifier.make_key();
    return {key, *certifier.make_authority(key, "plant", {loop.wall() - 1h, loop.wall() + 24h})};
  }
  ports::Trust trust() { return {"plant", {authority.certificate}, {}, 1h}; }
  ports::KeyAndCertificate make(Role role, const std::string& name) {
    const auto key = certifier.make_key();
    return {key,
            *certifier.issue(authority, *certifier.make_request(key),
                             {{"plant", role, name}, {loop.wall() - 1h, loop.wall() + 1h}, {}})};
  }
  stdx::Result<ports::HttpResponse> ask(const std::string& path, stdx::Bytes body = "",
                                        bool secure = true) {
    stdx::Result<ports::HttpResponse> got = stdx::fail(stdx::Code::failed, "nothing came");
    const auto to = secure ? ports::Endpoint::https("127.0.0.1", server.port())
                           : ports::Endpoint::tcp("127.0.0.1", server.port());
    ports::HttpRequest request;
    request.method = "POST";
    request.path = path;
    request.body = std::move(body);
    client.request(to, std::move(request), 10s, [&](auto response) {
      got = std::move(response);
      loop.stop();
    });
    loop.run();
    loop.restart();
    return got;
  }
  stdx::Result<std::unique_ptr<ports::Link>> dial(const std::string& path) {
    stdx::Result<std::unique_ptr<ports::Link>> link = nullptr;
    transport.connect({ports::Endpoint::Kind::websocket, "127.0.0.1", server.port(), path},
                      [&](auto l) {
                        link = std::move(l);
                        loop.stop();
                      });
    loop.run();
    loop.restart();
    return link;
  }
  std::uint64_t not_shaken() {
    return metrics.counter("samoza_http_connections_ended_total", "", {{"why", "no TLS"}}).value();
  }
};

TEST(HttpsTest, ARequestIsMadeByTheZhostOfItsCertificate) {
  Fixture f;
  EXPECT_EQ(f.ask("/join")->body, "zhost 'z1' of cluster 'plant' 0");
  EXPECT_EQ(f.ask("/join", std::string(900'000, 'x'))->body,
            "zhost 'z1' of cluster 'plant' 900000");
}

TEST(HttpsTest, WithoutACertificateAnybodyMayAskAsNobody) {
  Fixture f;
  ASSERT_TRUE(f.client_side.use({}, f.trust()));
  EXPECT_EQ(f.ask("/join")->body, "nobody 0");
  EXPECT_EQ(f.ask("/else")->status, 401) << "where a token is asked for";
}

TEST(HttpsTest, AnotherAuthorityOrRoleIsRefusedOnEitherSideAndCounted) {
  Fixture f;
  auto other = f.trust();
  other.authorities = {f.make_authority().certificate};
  ASSERT_TRUE(f.client_side.use(f.make(Role::zhost, "z1"), other));
  const auto refused = f.ask("/join");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, stdx::Code::unavailable);
  EXPECT_NE(refused.error().message.find("authority"), std::string::npos);
  ASSERT_TRUE(f.client_side.use(f.make(Role::data, "z1"), f.trust()));
  EXPECT_FALSE(f.ask("/join"));
  EXPECT_GE(f.not_shaken(), 2u);
  // A false control plane, that is a zhost, is found out by its role.
  ASSERT_TRUE(f.client_side.use(f.make(Role::zhost, "z1"), f.trust()));
  ASSERT_TRUE(f.server_side.use(f.make(Role::zhost, "z2"), f.trust()));
  const auto false_server = f.ask("/join");
  ASSERT_FALSE(false_server);
  EXPECT_NE(false_server.error().message.find("control-plane is needed"), std::string::npos);
}

TEST(HttpsTest, PlainTextIsNotTakenAndNotSpoken) {
  Fixture f;
  EXPECT_FALSE(f.ask("/join", "", /*secure=*/false));
  EXPECT_EQ(f.not_shaken(), 1u);
  EXPECT_TRUE(f.ask("/join")) << "it goes on";
}

TEST(HttpsTest, AWebSocketIsALinkThatKnowsItsOtherSide) {
  Fixture f;
  auto link = f.dial("/ws");
  ASSERT_TRUE(link) << link.error().message;
  EXPECT_EQ((*link)->identity(), (ports::Identity{"plant", Role::control_plane, ""}));
  EXPECT_EQ(f.echo.linked, (ports::Identity{"plant", Role::zhost, "z1"}));
  // Frames larger than a record of TLS, and many of them at once.
  std::vector<std::string> got;
  (*link)->start({.on_frame =
                      [&](stdx::Bytes frame) {
                        got.push_back(frame);
                        if (got.size() == 51) f.loop.stop();
                      },
                  .on_closed = [](const stdx::Error& why) { FAIL() << why.message; },
                  .on_writable = {}});
  const std::string large(3u << 20, 'y');
  (*link)->send(large);
  for (int i = 0; i < 50; ++i) (*link)->send(std::to_string(i));
  f.loop.run();
  ASSERT_EQ(got.size(), 51u);
  EXPECT_EQ(got[0], "echo " + large);
  EXPECT_EQ(got[50], "echo 49");
}

TEST(HttpsTest, AnUrgentFrameOfAWebSocketGoesAheadOfMegabytesThatWait) {
  Fixture f;
  auto link = f.dial("/ws");
  ASSERT_TRUE(link) << link.error().message;
  std::vector<std::string> got;
  (*link)->start({.on_frame =
                      [&](stdx::Bytes frame) {
                        got.push_back(frame);
                        if (got.size() == 31) f.loop.stop();
                      },
                  .on_closed = [](const stdx::Error& why) { FAIL() << why.message; },
                  .on_writable = {}});
  for (int i = 0; i < 30; ++i) (*link)->send(std::string(256u << 10, 'r'));
  (*link)->send("lease", ports::Urgency::urgent);
  f.loop.run();
  EXPECT_LT(std::ranges::find(got, "echo lease") - got.begin(), 4);
}

TEST(HttpsTest, ALinkIsCutWhereTheOtherSideEndsIt) {
  Fixture f;
  auto link = f.dial("/ws");
  ASSERT_TRUE(link);
  bool closed = false;
  (*link)->start({.on_frame = {},
                  .on_closed =
                      [&](const stdx::Error&) {
                        closed = true;
                        f.loop.stop();
                      },
                  .on_writable = {}});
  f.loop.post([&] { f.echo.socket.reset(); });
  f.loop.run();
  EXPECT_TRUE(closed);
}

TEST(HttpsTest, AWebSocketWhoseCertificateIsNotTakenIsDeniedSoThatItsOwnerAsksForAnother) {
  Fixture f;
  ASSERT_TRUE(f.dial("/ws"));
  const auto own = f.make(Role::zhost, "z1");
  ASSERT_TRUE(f.client_side.use(own, f.trust()));
  auto trust = f.trust();
  trust.revoked = {{"z1", f.certifier.read(own.certificate)->identity.key_id}};
  ASSERT_TRUE(f.server_side.use(f.make(Role::control_plane, ""), trust));
  const auto link = f.dial("/ws");
  ASSERT_FALSE(link);
  EXPECT_EQ(link.error().code, stdx::Code::denied) << link.error().message;
}

TEST(HttpsTest, WhatTheServerSaysOfARefusalIsInTheMessage) {
  Fixture f;
  const auto link = f.dial("/x");
  ASSERT_FALSE(link);
  // The message of the body, whole: neither its JSON nor the newline after it.
  EXPECT_TRUE(link.error().message.ends_with("SAMOZA_TOKEN")) << link.error().message;
}

}  // namespace
}  // namespace adapters::net
