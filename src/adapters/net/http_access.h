// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who may ask what over HTTP, before a service sees the request (docs/wire.md, HTTP):
//
// - Host must be one of ours (a page of another site that resolves its name to 127.0.0.1 is not);
// - Origin, where a browser sends one, must be ours;
// - the operator token as `Authorization: Bearer …`, except for /healthz, /metrics and open_paths;
// - pages: a browser cannot send that header, so an operator asks for a ticket (POST /v1/tickets,
//   with the token), opens the page with ?ticket=…, and gets a session cookie (HttpOnly,
//   SameSite=Strict). A ticket works once, within 60 s; a session lasts 12 h.
// - paths of the join protocol go through: the service behind them has the join token proved to it
//   (docs/wire.md); only processes ask there, so Host and Origin say nothing.
//
// Pure; called from the loop of its server.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ports/http.h"
#include "ports/random.h"
#include "stdx/time.h"

namespace adapters::net {

class HttpAccess {
 public:
  static constexpr std::size_t tickets_max = 100;
  static constexpr std::size_t sessions_max = 1000;

  struct Options {
    std::string ip;
    std::uint16_t port = 0;
    std::string token;  // empty: no token is asked for (tests of the server itself)
    std::vector<std::string> join_paths;
    std::vector<std::string> open_paths;
  };
  HttpAccess(Options options, ports::Random& random);

  // The port that was bound, where the options said 0.
  void set_port(std::uint16_t port) { options_.port = port; }

  // Nothing: go on. A response: send it and do not hand the request on.
  std::optional<ports::HttpResponse> check(const ports::HttpRequest& request, stdx::Instant now);

  bool has_operator_token(const ports::HttpRequest& request) const {
    return has_token(request, options_.token);
  }

 private:
  bool is_our_host(std::string_view host) const;
  bool has_token(const ports::HttpRequest& request, const std::string& token) const;
  bool has_session(const ports::HttpRequest& request, stdx::Instant now);
  ports::HttpResponse give_ticket(stdx::Instant now);
  ports::HttpResponse take_ticket(const ports::HttpRequest& request, stdx::Instant now);
  std::string secret();

  Options options_;
  ports::Random& random_;
  std::map<std::string, stdx::Instant> tickets_, sessions_;  // secret -> end
};

}  // namespace adapters::net
