// SPDX-License-Identifier: Apache-2.0
#include "model/route.h"

#include <gtest/gtest.h>

#include <vector>

namespace model {
namespace {

std::vector<std::string> routes_of(std::string_view path) {
  std::vector<std::string> list;
  each_route_of(path, [&](std::string_view route) {
    list.emplace_back(route);
    return false;
  });
  return list;
}

TEST(RouteTest, ARouteIsAPathOfPlainPartsThatIsNotOfTheServices) {
  for (const auto* good : {"/shop", "/shop/admin", "/v2", "/a.b/~c_d-e"})
    EXPECT_EQ(check_route(good), "") << good;
  for (const auto* bad :
       {"", "/", "shop", "/shop/", "//shop", "/a//b", "/..", "/a/./b", "/a b", "/a%2fb", "/v1",
        "/v1/x", "/healthz", "/metrics", "/spaces/x", "/a/b/c/d/e/f/g/h/i"})
    EXPECT_NE(check_route(bad), "") << bad;
  EXPECT_NE(check_route("/" + std::string(route_bytes_max, 'x')), "");
}

TEST(RouteTest, TheLongestRouteComesFirst) {
  EXPECT_EQ(routes_of("/shop/admin/x"),
            (std::vector<std::string>{"/shop/admin/x", "/shop/admin", "/shop"}));
  EXPECT_EQ(routes_of("/shop/"), (std::vector<std::string>{"/shop/", "/shop"}));
  EXPECT_EQ(routes_of("/a/b/c/d/e/f/g/h/i/j").front(), "/a/b/c/d/e/f/g/h");
}

TEST(RouteTest, ReservedPathsAreOfNoRoute) {
  for (const auto* path : {"/v1/status", "/healthz", "/metrics", "/spaces/a/b/", "/", "", "x"})
    EXPECT_TRUE(routes_of(path).empty()) << path;
}

}  // namespace
}  // namespace model
