// SPDX-License-Identifier: Apache-2.0
#include "wire/access_table.h"

#include <algorithm>

#include "stdx/text.h"

namespace wire {

namespace {

constexpr auto open = Role::none;
constexpr auto read = Role::read;
constexpr auto operate = Role::operate;
constexpr auto admin = Role::admin;

constexpr AccessRow rows[] = {
    // Who runs the process, or scrapes it.
    {"zmesh", "GET", "/healthz", open},
    {"zrms", "GET", "/healthz", open},
    {"zrun", "GET", "/healthz", open},
    {"zbase", "GET", "/healthz", open},
    {"zmesh-controlplane", "GET", "/healthz", open},
    {"zbase", "GET", "/startz/healthz", open},
    {"zbase", "GET", "/startz/metrics", open},
    {"zbase", "GET", "/metrics/zhost", open},
    // They look at the certificate of the caller, or at what the request proves (docs/wire.md).
    {"zmesh-controlplane", "POST", "/v1/register", open},
    {"zmesh-controlplane", "POST", "/v1/certificates", open},

    {"zmesh-controlplane", "GET", "/v1/members", read},
    {"zmesh-controlplane", "GET", "/v1/status", read},
    {"zbase", "GET", "/v1/services", read},
    {"zbase", "GET", "/v1/services/{name}", read},
    {"zbase", "GET", "/v1/status", read},

    {"zmesh", "GET", "/v1/status", read},
    {"zmesh", "GET", "/v1/mesh", read},
    {"zmesh", "GET", "/v1/mesh/peers", read},
    {"zmesh", "GET", "/v1/mesh/spaces", read},
    {"zmesh", "GET", "/v1/mesh/spaces/{name}", read},
    {"zmesh", "GET", "/v1/mesh/spaces/{name}/logs", read},
    {"zmesh", "POST", "/v1/mesh/ping", read},
    {"zmesh", "POST", "/v1/spaces/send", operate, /*ingress=*/true},
    {"zmesh", "POST", "/v1/tickets", operate, /*ingress=*/true},

    {"zrun", "GET", "/v1/status", read},
    {"zrun", "GET", "/v1/spaces", read},
    {"zrun", "GET", "/v1/spaces/{name}", read},
    {"zrun", "GET", "/v1/spaces/{name}/logs", read},
    {"zrun", "GET", "/v1/dead-letters", read},
    // With what the message says.
    {"zrun", "GET", "/v1/dead-letters/{id}", operate},
    {"zrun", "POST", "/v1/dead-letters/{id}/retry", operate},
    {"zrun", "POST", "/v1/dead-letters/{id}/drop", operate},

    {"zrms", "GET", "/v1/status", read},
    {"zrms", "GET", "/v1/topologies", read},
    {"zrms", "GET", "/v1/topologies/{id}", read},
    {"zrms", "GET", "/v1/topologies/{id}/history", read},
    {"zrms", "GET", "/v1/topologies/{id}/explain", read},
    {"zrms", "POST", "/v1/explain", read},
    {"zrms", "GET", "/v1/events", read},
    {"zrms", "GET", "/v1/cluster", read},
    {"zrms", "GET", "/v1/cluster/zhosts", read},
    {"zrms", "GET", "/v1/cluster/copies", read},
    {"zrms", "POST", "/v1/topologies", operate},
    {"zrms", "POST", "/v1/topologies/standalone", operate},
    {"zrms", "POST", "/v1/blobs", operate},
    {"zrms", "POST", "/v1/topologies/{id}/start", operate},
    {"zrms", "POST", "/v1/topologies/{id}/stop", operate},
    {"zrms", "POST", "/v1/topologies/{id}/restart", operate},
    {"zrms", "POST", "/v1/topologies/{id}/rollback", operate},
    {"zrms", "POST", "/v1/topologies/{id}/purge", operate},
    {"zrms", "DELETE", "/v1/topologies/{id}", operate},

    {"zrms", "POST", "/v1/cluster/zhosts/{id}/forget", admin},
    {"zrms", "POST", "/v1/cluster/recover", admin},
    {"zrms", "POST", "/v1/cluster/backup", admin},
    {"zrms", "POST", "/v1/cluster/restore", admin},
    {"zrms", "GET", "/v1/cluster/tokens", admin},
    {"zrms", "POST", "/v1/cluster/tokens", admin},
    {"zrms", "POST", "/v1/cluster/tokens/{id}/revoke", admin},
    {"zrms", "GET", "/v1/cluster/join-tokens", admin},
    {"zrms", "POST", "/v1/cluster/join-tokens", admin},
    {"zrms", "POST", "/v1/cluster/join-tokens/{id}/revoke", admin},
};

bool matches(std::string_view pattern, std::string_view path) {
  const auto wanted = stdx::split(pattern, '/'), given = stdx::split(path, '/');
  if (wanted.size() != given.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const bool any = wanted[i].starts_with('{');
    if (any ? given[i].empty() : given[i] != wanted[i]) return false;
  }
  return true;
}

}  // namespace

std::span<const AccessRow> access_table() {
  return rows;
}

AccessFound find_access(std::string_view service, std::string_view method, std::string_view path) {
  AccessFound found;
  for (const auto& row : rows) {
    if (row.service != service || !matches(row.pattern, path)) continue;
    // As the router does: the first pattern that fits, and a word before a {name}.
    if (row.method == method) {
      if (found.row == nullptr || row.pattern == path) found.row = &row;
    } else {
      found.allowed += (found.allowed.empty() ? "" : ", ") + std::string(row.method);
    }
  }
  return found;
}

bool opens(const AccessRow& row, Role role) {
  if (row.least == Role::none) return true;
  if (role == Role::ingress) return row.ingress;
  return role >= Role::read && role >= row.least;
}

std::vector<std::string> access_findings(std::string_view service,
                                         const std::vector<std::string>& routes) {
  std::vector<std::string> findings;
  std::vector<std::string> listed;
  for (const auto& row : rows)
    if (row.service == service) listed.push_back(stdx::format("{} {}", row.method, row.pattern));
  for (const auto& route : routes)
    if (std::find(listed.begin(), listed.end(), route) == listed.end())
      findings.push_back(stdx::format("{}: {} has no row in wire/access_table.cc", service, route));
  for (const auto& row : listed)
    if (std::find(routes.begin(), routes.end(), row) == routes.end())
      findings.push_back(
          stdx::format("{}: the row {} in wire/access_table.cc has no route", service, row));
  return findings;
}

}  // namespace wire
