// SPDX-License-Identifier: Apache-2.0
// Access tokens in a cluster: made and revoked at any zhost, kept over a new leader.
#include <gtest/gtest.h>

#include <algorithm>

#include "samoza/v1/tokens.pb.h"
#include "sim/running_cluster.h"
#include "wire/access_table.h"
#include "wire/access_token.h"
#include "wire/json.h"

namespace sim {
namespace {

struct Tokens : Running {
  using Running::Running;

  ports::HttpResponse ask(std::size_t zhost, const std::string& method, const std::string& path,
                          const std::string& body = "") {
    std::optional<ports::HttpResponse> answer;
    ports::HttpRequest request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.headers[":actor"] = "operator of zhost " + Cluster::id(zhost);
    auto* zrms = cluster.zrms_of(zhost);
    if (zrms == nullptr) return {.status = 503, .body = "no zrms", .headers = {}};
    zrms->handle(std::move(request), [&](ports::HttpResponse r) { answer = std::move(r); });
    EXPECT_TRUE(cluster.world.run_until_true([&] { return answer.has_value(); }, 30s));
    return answer.value_or(ports::HttpResponse{.status = 0});
  }
  v1::TokenList list(std::size_t zhost) {
    v1::TokenList list;
    const auto answer = ask(zhost, "GET", "/v1/cluster/tokens");
    EXPECT_TRUE(wire::from_json(answer.body, list)) << answer.body;
    return list;
  }
  bool knows_revoked(std::size_t zhost, const std::string& id) {
    const auto members = cluster.zmesh_of(zhost)->members();
    return std::any_of(members.revoked_tokens().begin(), members.revoked_tokens().end(),
                       [&](const auto& token) { return token.starts_with(id); });
  }
};

TEST(TokensTest, EveryRouteOfZrmsHasARowInTheTableOfRights) {
  Tokens t;
  EXPECT_EQ(wire::access_findings("zrms", t.cluster.zrms_of(0)->routes()),
            std::vector<std::string>());
}

TEST(TokensTest, ATokenMadeAtAnyZhostIsRevokedAtAnotherAndEveryZhostHearsOfItWithinSeconds) {
  Tokens t;
  const auto leader = static_cast<std::size_t>(t.cluster.leader());
  const std::size_t other = leader == 0 ? 1 : 0;
  const auto answer = t.ask(other, "POST", "/v1/cluster/tokens",
                            R"({"role":"ingress","topology":"t","note":"kiosk"})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  v1::TokenMade made;
  ASSERT_TRUE(wire::from_json(answer.body, made));
  const simkit::Process clock(t.cluster.world, "test", "clock");
  SimKey key(t.cluster.keys(leader), clock);
  const auto token =
      wire::check_access_token(key, made.token(), stdx::WallTime(std::chrono::seconds(0)));
  ASSERT_TRUE(token) << token.error().message;
  EXPECT_EQ(token->id, made.view().id());
  EXPECT_EQ(token->scope, "t");
  // Events are written a moment after what they tell of.
  ASSERT_TRUE(t.cluster.world.run_until_true(
      [&] {
        return t.ask(other, "GET", "/v1/events").body.find("token made") != std::string::npos;
      },
      10s));
  t.cluster.world.run_for(2s);
  // The leader that is killed takes nothing of it along.
  t.cluster.crash(leader, "zrms");
  ASSERT_TRUE(t.cluster.world.run_until_true([&] { return t.cluster.leader() >= 0; }, 60s));
  auto list = t.list(other);
  ASSERT_EQ(list.tokens_size(), 1);
  EXPECT_EQ(list.tokens(0).made_by(), "operator of zhost " + Cluster::id(other));
  EXPECT_EQ(list.tokens(0).note(), "kiosk");

  const auto id = made.view().id();
  ASSERT_EQ(t.ask(other, "POST", "/v1/cluster/tokens/" + id.substr(0, 6) + "/revoke").status, 200);
  EXPECT_TRUE(t.cluster.world.run_until_true(
      [&] {
        for (std::size_t zhost = 0; zhost < t.cluster.size(); ++zhost)
          if (!t.knows_revoked(zhost, id)) return false;
        return true;
      },
      5s));
  EXPECT_EQ(t.list(leader).tokens(0).state(), "revoked");
  t.cluster.world.run_for(5s);
  const auto events = t.ask(other, "GET", "/v1/events").body;
  EXPECT_NE(events.find("token made"), std::string::npos) << events;
  EXPECT_NE(events.find("token revoked"), std::string::npos) << events;
  EXPECT_EQ(events.find(made.token()), std::string::npos) << "the token itself is nowhere";
}

}  // namespace
}  // namespace sim
