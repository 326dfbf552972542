// SPDX-License-Identifier: Apache-2.0
// That each route of a service has a row, and each row a route, is tested beside each service.
#include "wire/access_table.h"

#include <gtest/gtest.h>

namespace wire {
namespace {

TEST(AccessTableTest, ARoleOpensWhatItNamesAndWhatIsBelowIt) {
  const auto may = [](const char* service, const char* method, const char* path, Role role) {
    const auto found = find_access(service, method, path);
    EXPECT_NE(found.row, nullptr) << service << " " << method << " " << path;
    return found.row != nullptr && opens(*found.row, role);
  };
  for (const auto role : {Role::none, Role::page, Role::ingress}) {
    EXPECT_TRUE(may("zmesh", "GET", "/healthz", role));
    EXPECT_FALSE(may("zrms", "GET", "/v1/topologies", role));
    EXPECT_FALSE(may("zrms", "POST", "/v1/topologies", role));
    EXPECT_FALSE(may("zrms", "GET", "/v1/cluster/tokens", role));
  }
  EXPECT_TRUE(may("zrms", "GET", "/v1/topologies/shop", Role::read));
  EXPECT_FALSE(may("zrms", "POST", "/v1/topologies", Role::read));
  EXPECT_FALSE(may("zmesh", "POST", "/v1/spaces/send", Role::read));
  EXPECT_FALSE(may("zrun", "GET", "/v1/dead-letters/0123456789abcdef", Role::read));
  EXPECT_TRUE(may("zmesh", "POST", "/v1/spaces/send", Role::ingress));
  EXPECT_TRUE(may("zrms", "POST", "/v1/topologies/shop/purge", Role::operate));
  EXPECT_FALSE(may("zrms", "POST", "/v1/cluster/restore", Role::operate));
  EXPECT_FALSE(may("zrms", "POST", "/v1/cluster/tokens", Role::operate));
  EXPECT_TRUE(may("zrms", "POST", "/v1/cluster/tokens/abcd/revoke", Role::admin));
}

TEST(AccessTableTest, WhatHasNoRowIsNotFoundAndSaysWhichMethodsThereAre) {
  EXPECT_EQ(find_access("zrms", "GET", "/v1/secrets").row, nullptr);
  EXPECT_EQ(find_access("zrms", "GET", "/v1/topologies/").row, nullptr);
  EXPECT_EQ(find_access("nobody", "GET", "/healthz").row, nullptr);
  const auto other = find_access("zrms", "PUT", "/v1/topologies");
  EXPECT_EQ(other.row, nullptr);
  EXPECT_EQ(other.allowed, "GET, POST");
}

TEST(AccessTableTest, ARouteWithoutARowIsFound) {
  std::vector<std::string> routes;
  for (const auto& row : access_table())
    if (row.service == "zbase")
      routes.push_back(std::string(row.method) + " " + std::string(row.pattern));
  EXPECT_TRUE(access_findings("zbase", routes).empty());
  routes.push_back("GET /v1/new");
  EXPECT_EQ(access_findings("zbase", routes).size(), 1u);
  routes.erase(routes.begin());
  EXPECT_EQ(access_findings("zbase", routes).size(), 2u);
}

}  // namespace
}  // namespace wire
