// SPDX-License-Identifier: Apache-2.0
// Every route of every service, requested by every kind of caller. The table repeats the role of
// each route on purpose: a new route, or a changed role, fails this test until the table has it.
#include <gtest/gtest.h>

#include <set>

#include "adapters/net/http_access.h"
#include "simkit/stub_key.h"
#include "stdx/text.h"

namespace adapters::net {
namespace {

using namespace std::chrono_literals;
using wire::Role;

struct Route {
  const char* service;
  const char* method;
  const char* path;
  std::string_view takes;  // the least role, or anybody; and whether an ingress token opens it
};

constexpr Route routes[] = {
    {"zmesh", "GET", "/healthz", "anybody"},
    {"zrms", "GET", "/healthz", "anybody"},
    {"zrun", "GET", "/healthz", "anybody"},
    {"zbase", "GET", "/healthz", "anybody"},
    {"zmesh-controlplane", "GET", "/healthz", "anybody"},
    {"zbase", "GET", "/startz/healthz", "anybody"},
    {"zbase", "GET", "/startz/metrics", "anybody"},
    {"zbase", "GET", "/metrics/zhost", "anybody"},
    {"zmesh-controlplane", "POST", "/v1/register", "anybody"},
    {"zmesh-controlplane", "POST", "/v1/certificates", "anybody"},
    {"zmesh-controlplane", "GET", "/v1/members", "read"},
    {"zmesh-controlplane", "GET", "/v1/status", "read"},
    {"zbase", "GET", "/v1/services", "read"},
    {"zbase", "GET", "/v1/services/{name}", "read"},
    {"zbase", "GET", "/v1/status", "read"},
    {"zmesh", "GET", "/v1/status", "read"},
    {"zmesh", "GET", "/v1/mesh", "read"},
    {"zmesh", "GET", "/v1/mesh/peers", "read"},
    {"zmesh", "GET", "/v1/mesh/spaces", "read"},
    {"zmesh", "GET", "/v1/mesh/spaces/{name}", "read"},
    {"zmesh", "GET", "/v1/mesh/spaces/{name}/logs", "read"},
    {"zmesh", "POST", "/v1/mesh/ping", "read"},
    {"zmesh", "POST", "/v1/spaces/send", "operate or ingress"},
    {"zmesh", "POST", "/v1/tickets", "operate or ingress"},
    {"zrun", "GET", "/v1/status", "read"},
    {"zrun", "GET", "/v1/spaces", "read"},
    {"zrun", "GET", "/v1/spaces/{name}", "read"},
    {"zrun", "GET", "/v1/spaces/{name}/logs", "read"},
    {"zrun", "GET", "/v1/dead-letters", "read"},
    {"zrun", "GET", "/v1/dead-letters/{id}", "operate"},
    {"zrun", "POST", "/v1/dead-letters/{id}/retry", "operate"},
    {"zrun", "POST", "/v1/dead-letters/{id}/drop", "operate"},
    {"zrms", "GET", "/v1/status", "read"},
    {"zrms", "GET", "/v1/topologies", "read"},
    {"zrms", "GET", "/v1/topologies/{id}", "read"},
    {"zrms", "GET", "/v1/topologies/{id}/history", "read"},
    {"zrms", "GET", "/v1/topologies/{id}/explain", "read"},
    {"zrms", "POST", "/v1/explain", "read"},
    {"zrms", "GET", "/v1/events", "read"},
    {"zrms", "GET", "/v1/cluster", "read"},
    {"zrms", "GET", "/v1/cluster/zhosts", "read"},
    {"zrms", "GET", "/v1/cluster/copies", "read"},
    {"zrms", "POST", "/v1/topologies", "operate"},
    {"zrms", "POST", "/v1/topologies/standalone", "operate"},
    {"zrms", "POST", "/v1/blobs", "operate"},
    {"zrms", "POST", "/v1/topologies/{id}/start", "operate"},
    {"zrms", "POST", "/v1/topologies/{id}/stop", "operate"},
    {"zrms", "POST", "/v1/topologies/{id}/restart", "operate"},
    {"zrms", "POST", "/v1/topologies/{id}/rollback", "operate"},
    {"zrms", "POST", "/v1/topologies/{id}/purge", "operate"},
    {"zrms", "DELETE", "/v1/topologies/{id}", "operate"},
    {"zrms", "POST", "/v1/cluster/zhosts/{id}/forget", "admin"},
    {"zrms", "POST", "/v1/cluster/recover", "admin"},
    {"zrms", "POST", "/v1/cluster/backup", "admin"},
    {"zrms", "POST", "/v1/cluster/restore", "admin"},
    {"zrms", "GET", "/v1/cluster/tokens", "admin"},
    {"zrms", "POST", "/v1/cluster/tokens", "admin"},
    {"zrms", "POST", "/v1/cluster/tokens/{id}/revoke", "admin"},
    {"zrms", "GET", "/v1/cluster/join-tokens", "admin"},
    {"zrms", "POST", "/v1/cluster/join-tokens", "admin"},
    {"zrms", "POST", "/v1/cluster/join-tokens/{id}/revoke", "admin"},
};

constexpr std::uint64_t now = 1000, later = 2000;
const std::string id = "0123456789abcdef", revoked_id = "fedcba9876543210";

// What a caller sends as its token, and which routes that opens, as Route::takes says it.
struct Caller {
  std::string name, bearer;
  std::set<std::string_view> opens;
};

std::vector<Caller> callers(simkit::StubKey& key) {
  simkit::StubKey other("of another cluster");
  const auto token = [](simkit::StubKey& by, Role role, std::uint64_t expires = later,
                        const std::string& scope = "", const std::string& token_id = id) {
    return *wire::sign(by, {token_id, role, scope, expires});
  };
  const std::set<std::string_view> read = {"read"},
                                   operate = {"read", "operate", "operate or ingress"},
                                   all = {"read", "operate", "operate or ingress", "admin"};
  return {{"nobody", "", {}},
          {"rubbish", "smz_rubbish", {}},
          {"expired", token(key, Role::admin, now - 1), {}},
          {"revoked", token(key, Role::admin, later, "", revoked_id), {}},
          {"of another cluster", token(other, Role::admin), {}},
          {"a page", token(key, Role::page, later, "shop/ui"), {}},
          {"ingress", token(key, Role::ingress, later, "shop"), {"operate or ingress"}},
          {"read", token(key, Role::read), read},
          {"operate", token(key, Role::operate), operate},
          {"admin", token(key, Role::admin), all},
          {"the operator token of this zhost", "secret", all}};
}

TEST(AccessMatrixTest, EveryRouteIsListedHereWithWhatItTakes) {
  std::set<std::string> listed, rows;
  const auto name = [](auto service, auto method, auto path) {
    return stdx::format("{} {} {}", service, method, path);
  };
  for (const auto& route : routes)
    EXPECT_TRUE(listed.insert(name(route.service, route.method, route.path)).second);
  for (const auto& row : wire::access_table())
    rows.insert(name(row.service, row.method, row.pattern));
  EXPECT_EQ(listed, rows);
}

TEST(AccessMatrixTest, EveryRouteAnswersEveryKindOfCallerAsListed) {
  simkit::StubKey key;
  wire::RevokedTokens revoked;
  revoked.add({revoked_id + "/" + std::to_string(later)},
              stdx::WallTime(std::chrono::seconds(now)));
  std::size_t asked = 0;
  for (const auto& route : routes) {
    HttpAccess access({.ip = "127.0.0.2",
                       .port = 8080,
                       .token = "secret",
                       .join_paths = {},
                       .zhost = "z1",
                       .service = route.service,
                       .key = &key,
                       .revoked = &revoked});
    for (const auto& caller : callers(key)) {
      ports::HttpRequest request;
      request.method = route.method;
      request.path = route.path;  // {name} is a name, too
      request.headers["host"] = "127.0.0.2:8080";
      if (!caller.bearer.empty()) request.headers["authorization"] = "Bearer " + caller.bearer;
      const auto refused = access.check(request, stdx::WallTime(std::chrono::seconds(now)));
      const bool is_known = !caller.opens.empty();
      const int wanted = route.takes == "anybody" || caller.opens.contains(route.takes) ? 0
                         : is_known                                                     ? 403
                                                                                        : 401;
      EXPECT_EQ(refused ? refused->status : 0, wanted)
          << caller.name << " at " << route.service << " " << route.method << " " << route.path;
      ++asked;
    }
  }
  EXPECT_EQ(asked, std::size(routes) * 11);
}

}  // namespace
}  // namespace adapters::net
