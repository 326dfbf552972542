// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who asked what, from where, and what came of it: one line in the audit log of the service for
// each request that may change something, and for each one that was denied. Reads are not noted,
// nor are messages that an application takes in (the routes that an ingress token opens), unless
// they are denied. Of denials a stranger can cause many: their lines are limited, and the next one
// says how many are missing (not_logged).
//
// Loop of its server.

#include <optional>
#include <string>

#include "ports/http.h"
#include "ports/log.h"
#include "rpc/log_rate_limiter.h"

namespace adapters::net {

class HttpAudit {
 public:
  // A request that goes on and is noted with its answer.
  struct Entry {
    std::string who, from, what;
  };

  // `service`: whose rows of wire/access_table.h count. `log` null: nothing is noted.
  HttpAudit(std::string service, ports::Log* log) : service_(std::move(service)), log_(log) {}

  // Of a request that was let in, with what HttpAccess wrote into it.
  std::optional<Entry> begin(const ports::HttpRequest& request) const;
  void answered(const Entry& entry, const ports::HttpResponse& response);
  // Of one that was not: 401, 403 and 421 are denials.
  void refused(const ports::HttpRequest& request, const ports::HttpResponse& response,
               stdx::Instant now);

 private:
  static Entry entry_of(const ports::HttpRequest& request);

  std::string service_;
  ports::Log* log_;
  rpc::LogRateLimiter denials_;
};

}  // namespace adapters::net
