// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which role each HTTP route of each service takes: one row for each. What has no row here is
// refused before a service sees it. Pure.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/access_token.h"

namespace wire {

struct AccessRow {
  std::string_view service, method, pattern;
  // The least role: read < operate < admin. none: nobody is asked for a token.
  Role least = Role::admin;
  // An ingress token opens it as well, for its topology alone; the service sees to that.
  bool ingress = false;
};

std::span<const AccessRow> access_table();

struct AccessFound {
  const AccessRow* row = nullptr;
  std::string allowed;  // other methods of that path, where there is no row
};
AccessFound find_access(std::string_view service, std::string_view method, std::string_view path);

// Whether a token of that role opens the row.
bool opens(const AccessRow& row, Role role);

// What is wrong between the table and the routes of a service ("GET /v1/status"), one line each: a
// route without a row, a row without a route.
std::vector<std::string> access_findings(std::string_view service,
                                         const std::vector<std::string>& routes);

}  // namespace wire
