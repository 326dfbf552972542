// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/http_access.h"

#include <gtest/gtest.h>

#include "stdx/prng.h"

namespace adapters::net {
namespace {

using namespace std::chrono_literals;

struct SeededRandom final : ports::Random {
  stdx::Prng prng{1};
  std::uint64_t next() override { return prng.next(); }
};

struct Fixture {
  SeededRandom random;
  HttpAccess access;
  explicit Fixture(std::vector<std::string> join_paths = {})
      : access({.ip = "127.0.0.2",
                .port = 8080,
                .token = "secret",
                .join_paths = std::move(join_paths),
                .open_paths = {}},
               random) {}
  stdx::Instant now{};

  int ask(std::string method, std::string path, std::map<std::string, std::string> headers) {
    ports::HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    if (!headers.contains("host")) headers["host"] = "127.0.0.2:8080";
    request.headers = std::move(headers);
    const auto response = access.check(request, now);
    return response ? response->status : 200;
  }
};

TEST(HttpAccessTest, TheTokenOpensTheApiAndNothingElseDoes) {
  Fixture f;
  EXPECT_EQ(f.ask("GET", "/v1/status", {}), 401);
  EXPECT_EQ(f.ask("GET", "/v1/status", {{"authorization", "Bearer wrong!"}}), 401);
  EXPECT_EQ(f.ask("GET", "/v1/status", {{"authorization", "Bearer secret"}}), 200);
  EXPECT_EQ(f.ask("GET", "/healthz", {}), 200);
  EXPECT_EQ(f.ask("GET", "/metrics", {}), 200);
  EXPECT_EQ(f.ask("GET", "/metricsx", {}), 401);
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

TEST(HttpAccessTest, ATicketOpensPagesOnceAndTheSessionNeverTheApi) {
  Fixture f;
  ports::HttpRequest ask;
  ask.method = "POST";
  ask.path = "/v1/tickets";
  ask.headers = {{"host", "127.0.0.2:8080"}, {"authorization", "Bearer secret"}};
  const auto given = f.access.check(ask, f.now);
  ASSERT_TRUE(given);
  const auto ticket = given->body.substr(given->body.find(":\"") + 2, 64);
  ports::HttpRequest open;
  open.path = "/spaces/t/ui/";
  open.headers = {{"host", "127.0.0.2:8080"}};
  open.query["ticket"] = ticket;
  const auto first = f.access.check(open, f.now);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->status, 303);
  EXPECT_EQ(f.access.check(open, f.now)->status, 401) << "a ticket works once";
  const auto cookie = first->headers.at("Set-Cookie").substr(0, 15 + 64);
  EXPECT_EQ(f.ask("GET", "/spaces/t/ui/app.js", {{"cookie", cookie}}), 200);
  EXPECT_EQ(f.ask("GET", "/v1/status", {{"cookie", cookie}}), 401);
  f.now += 13h;
  EXPECT_EQ(f.ask("GET", "/spaces/t/ui/app.js", {{"cookie", cookie}}), 401);
}

}  // namespace
}  // namespace adapters::net
