// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/http_access.h"

#include <gtest/gtest.h>

#include "simkit/stub_key.h"

namespace adapters::net {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  simkit::StubKey key;
  wire::RevokedTokens revoked;
  HttpAccess access;
  explicit Fixture(std::vector<std::string> join_paths = {}, std::string service = "")
      : access({.ip = "127.0.0.2",
                .port = 8080,
                .token = "secret",
                .join_paths = std::move(join_paths),
                .zhost = "z1",
                .service = std::move(service),
                .key = &key,
                .revoked = &revoked}) {}
  stdx::WallTime wall{1000s};

  std::string token(wire::Role role, std::uint64_t expires = 2000, const std::string& scope = "") {
    return "Bearer " + *wire::sign(key, {"0123456789abcdef", role, scope, expires});
  }
  ports::HttpRequest passed;  // the last one, as the service would get it
  std::optional<ports::HttpResponse> refused;
  int ask(std::string method, std::string path, std::map<std::string, std::string> headers) {
    ports::HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    if (!headers.contains("host")) headers["host"] = "127.0.0.2:8080";
    request.headers = std::move(headers);
    refused = access.check(request, wall);
    passed = std::move(request);
    return refused ? refused->status : 200;
  }
};

TEST(HttpAccessTest, TheTokenOpensTheApiAndNothingElseDoes) {
  Fixture f({}, "zmesh");
  EXPECT_EQ(f.ask("GET", "/v1/status", {}), 401);
  EXPECT_EQ(f.ask("GET", "/v1/status", {{"authorization", "Bearer wrong!"}}), 401);
  EXPECT_EQ(f.ask("GET", "/v1/status", {{"authorization", "Bearer secret"}}), 200);
  EXPECT_EQ(f.ask("GET", "/v1/status", {{"authorization", "bearer  secret"}}), 200);
  EXPECT_EQ(f.ask("GET", "/v1/status", {{"authorization", "Bearer "}}), 401);
  EXPECT_EQ(f.ask("GET", "/healthz", {}), 200);
  EXPECT_EQ(f.ask("GET", "/metrics", {}), 200);
  EXPECT_EQ(f.ask("GET", "/metricsx", {}), 401);
}

TEST(HttpAccessTest, AnAccessTokenOpensWhatItsRoleSaysAndARefusalSaysWhichItTakes) {
  Fixture f({}, "zrms");
  EXPECT_EQ(f.ask("GET", "/v1/topologies", {{"authorization", f.token(wire::Role::read)}}), 200);
  EXPECT_EQ(f.passed.headers.at(":actor"), "token 0123456789abcdef");
  EXPECT_EQ(f.passed.headers.at(":expires"), "2000");
  EXPECT_FALSE(f.passed.headers.contains("authorization")) << "the service never sees it";
  EXPECT_EQ(f.ask("POST", "/v1/topologies", {{"authorization", f.token(wire::Role::read)}}), 403);
  for (const char* part :
       {"token 0123456789abcdef has the role read", "takes the role operate", "--role operate"})
    EXPECT_NE(f.refused->body.find(part), std::string::npos) << part << f.refused->body;
  EXPECT_EQ(f.ask("POST", "/v1/topologies", {{"authorization", f.token(wire::Role::operate)}}),
            200);
  EXPECT_EQ(f.ask("POST", "/v1/cluster/tokens", {{"authorization", f.token(wire::Role::operate)}}),
            403);
  EXPECT_EQ(f.ask("POST", "/v1/cluster/tokens", {{"authorization", "Bearer secret"}}), 200);
  EXPECT_EQ(f.passed.headers.at(":actor"), "operator of zhost z1");
  EXPECT_EQ(f.ask("GET", "/v1/topologies",
                  {{"authorization", f.token(wire::Role::ingress, 2000, "shop")}}),
            403);
}

TEST(HttpAccessTest, AnIngressTokenReachesTheDoorwayAndTheServiceHearsOfItsTopology) {
  Fixture f({}, "zmesh");
  EXPECT_EQ(f.ask("POST", "/v1/spaces/send",
                  {{"authorization", f.token(wire::Role::ingress, 2000, "shop")}}),
            200);
  EXPECT_EQ(f.passed.headers.at(":ingress"), "shop");
  EXPECT_EQ(f.ask("POST", "/v1/spaces/send", {{"authorization", f.token(wire::Role::operate)}}),
            200);
  EXPECT_FALSE(f.passed.headers.contains(":ingress"));
}

TEST(HttpAccessTest, AnUnknownExpiredOrRevokedTokenIsToldWhyAndHowToGetAnother) {
  Fixture f({}, "zrms");
  EXPECT_EQ(f.ask("GET", "/v1/topologies", {}), 401);
  EXPECT_NE(f.refused->body.find("no token was sent"), std::string::npos);
  EXPECT_NE(f.refused->body.find("cluster token create"), std::string::npos);
  EXPECT_EQ(f.refused->headers.at("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(f.ask("GET", "/v1/topologies", {{"authorization", "Bearer smz_abc"}}), 401);
  EXPECT_EQ(f.ask("GET", "/v1/topologies", {{"authorization", f.token(wire::Role::read, 999)}}),
            401);
  EXPECT_NE(f.refused->body.find("expired at"), std::string::npos) << f.refused->body;
  EXPECT_EQ(f.ask("GET", "/v1/topologies",
                  {{"authorization", f.token(wire::Role::page, 2000, "shop/ui")}}),
            401);
  f.revoked.add({"0123456789abcdef/2000"}, f.wall);
  EXPECT_EQ(f.ask("GET", "/v1/topologies", {{"authorization", f.token(wire::Role::read)}}), 401);
  EXPECT_NE(f.refused->body.find("was revoked"), std::string::npos) << f.refused->body;
  const auto token = f.token(wire::Role::read);
  f.key.missing = "no join token";
  EXPECT_EQ(f.ask("GET", "/v1/topologies", {{"authorization", token}}), 503);
}

TEST(HttpAccessTest, WhatHasNoRowIsRefusedEvenToTheOperator) {
  Fixture f({}, "zrms");
  const std::map<std::string, std::string> operators = {{"authorization", "Bearer secret"}};
  EXPECT_EQ(f.ask("GET", "/v1/secrets", operators), 404);
  EXPECT_EQ(f.ask("GET", "/v1/secrets", {}), 401) << "not told to who has no token";
  EXPECT_EQ(f.ask("PUT", "/v1/topologies", operators), 405);
  EXPECT_EQ(f.refused->headers.at("Allow"), "GET, POST");
  EXPECT_EQ(f.ask("GET", "/healthz", {}), 200);
  EXPECT_EQ(f.ask("GET", "/metrics", {}), 200);
}

TEST(HttpAccessTest, ARebindingHostAndAForeignOriginAreRefusedEvenWithTheToken) {
  Fixture f;
  EXPECT_EQ(f.ask("GET", "/v1/status",
                  {{"authorization", "Bearer secret"}, {"host", "evil.example:8080"}}),
            421);
  EXPECT_EQ(f.ask("GET", "/healthz", {{"host", "0.0.0.0:8080"}}), 421);
  EXPECT_EQ(f.ask("GET", "/v1/status",
                  {{"authorization", "Bearer secret"}, {"origin", "http://evil.example"}}),
            403);
  EXPECT_EQ(f.ask("GET", "/v1/status",
                  {{"authorization", "Bearer secret"}, {"origin", "http://127.0.0.2:8080"}}),
            200);
}

TEST(HttpAccessTest, AJoinPathIsForProcessesAndForNoPageInABrowser) {
  Fixture f({"/ws"});
  EXPECT_EQ(f.ask("GET", "/ws", {}), 200);
  for (const char* origin : {"http://evil.example", "http://127.0.0.2:8080", "null"})
    EXPECT_EQ(f.ask("GET", "/ws", {{"origin", origin}}), 403) << origin;
}

}  // namespace
}  // namespace adapters::net
