// SPDX-License-Identifier: Apache-2.0
#include "wire/http_router.h"

#include <gtest/gtest.h>

#include "samoza/v1/cluster.pb.h"
#include "wire/json.h"

namespace wire {
namespace {

ports::HttpResponse ask(const HttpRouter& router, std::string method, std::string path) {
  ports::HttpResponse got;
  ports::HttpRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  router.route(std::move(request), [&](ports::HttpResponse r) { got = std::move(r); });
  return got;
}

TEST(HttpRouterTest, APatternGivesItsParametersToTheHandler) {
  HttpRouter router;
  router.add("GET", "/v1/topologies/{id}/x", [](RouteMatch match, ports::HttpReply reply) {
    reply(json_response(match.parameters["id"]));
  });
  EXPECT_EQ(ask(router, "GET", "/v1/topologies/abc/x").body, "abc\n");
  EXPECT_EQ(ask(router, "GET", "/v1/topologies//x").status, 404);
  EXPECT_EQ(ask(router, "GET", "/v1/topologies/abc").status, 404);
  const auto wrong = ask(router, "POST", "/v1/topologies/abc/x");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("Allow"), "GET");
}

TEST(JsonTest, BodiesAreReadStrictly) {
  samoza::v1::SendRequest request;
  EXPECT_TRUE(from_json(R"({"topology":"t","payload":"aGk="})", request));
  EXPECT_EQ(request.payload(), "hi");
  for (auto body : {"", "[]", "{", R"({"topology":1e400})", R"({"nope":1})", R"({"topology":{}})",
                    R"({"topology":"t"} x)"}) {
    samoza::v1::SendRequest ignored;
    EXPECT_FALSE(from_json(body, ignored)) << body;
  }
  const std::string deep =
      R"({"topology":)" + std::string(10000, '[') + std::string(10000, ']') + "}";
  samoza::v1::SendRequest ignored;
  EXPECT_FALSE(from_json(deep, ignored));
}

TEST(JsonTest, AnErrorKeepsItsCodeThroughHttp) {
  const stdx::Error error{stdx::Code::already_exists, "topology 'x' runs already"};
  const auto response = error_response(error);
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(error_from_response(response), error);
}

}  // namespace
}  // namespace wire
