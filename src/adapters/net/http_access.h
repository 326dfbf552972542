// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who may ask what over HTTP, before a service sees the request (docs/wire.md, HTTP):
//
// - Host must be one of ours (a page of another site that resolves its name to 127.0.0.1 is not);
// - Origin, where a browser sends one, must be ours;
// - a token as `Authorization: Bearer …`: the operator token of this zhost, which may everything,
// or
//   an access token (wire/access_token.h) whose role opens the route (wire/access_table.h). What
//   has no row in that table gets no further. /metrics and rows for nobody in particular ask for
//   none;
// - paths of the join protocol go through: the service behind them has the join token proved to it
//   (docs/wire.md); only processes ask there, so Host and Origin say nothing.
//
// Pure; called from the loop of its server.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ports/cluster_key.h"
#include "ports/http.h"
#include "stdx/result.h"
#include "stdx/time.h"
#include "wire/access_table.h"
#include "wire/revoked_tokens.h"

namespace adapters::net {

class HttpAccess {
 public:
  struct Options {
    std::string ip;
    std::uint16_t port = 0;
    std::vector<std::string> more_hosts = {};  // what else we are called
    std::string token;  // empty: no token is asked for (tests of the server itself)
    std::vector<std::string> join_paths;
    std::string zhost;    // whose operator token that is
    std::string service;  // whose rows of the table count; empty: the operator token opens all
    ports::ClusterKey* key = nullptr;  // null: no access token is known
    const wire::RevokedTokens* revoked = nullptr;
  };
  // Of a request that goes on, for the service: whose token it had, and the topology of an ingress
  // token. No client can send headers of these names.
  static constexpr const char* actor_header = ":actor";
  static constexpr const char* ingress_header = ":ingress";
  static constexpr const char* expires_header = ":expires";  // of an access token

  explicit HttpAccess(Options options) : options_(std::move(options)) {}

  // The port that was bound, where the options said 0.
  void set_port(std::uint16_t port) { options_.port = port; }

  // Nothing: go on; the request has lost its token and says whose it was. A response: send it and
  // do not hand the request on.
  std::optional<ports::HttpResponse> check(ports::HttpRequest& request, stdx::WallTime wall);

  // The operator token, or what looks like an access token: not for who answers in its place.
  bool has_our_token(const ports::HttpRequest& request) const;

 private:
  struct Caller {
    wire::Role role = wire::Role::none;
    std::string actor;  // for people and events
    std::string scope;
    std::uint64_t expires = 0;  // 0: it does not
  };
  bool is_our_host(std::string_view host) const;
  // Code::denied: nobody who may ask anything; the message says why, and what to do.
  stdx::Result<Caller> identify(const ports::HttpRequest& request, stdx::WallTime wall) const;
  std::optional<ports::HttpResponse> check_rights(ports::HttpRequest& request, stdx::WallTime wall);
  Options options_;
};

}  // namespace adapters::net
