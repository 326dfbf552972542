// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/http_audit.h"

#include "adapters/net/http_access.h"
#include "stdx/text.h"
#include "wire/access_table.h"
#include "wire/json.h"

namespace adapters::net {

HttpAudit::Entry HttpAudit::entry_of(const ports::HttpRequest& request) {
  const auto actor = request.headers.find(HttpAccess::actor_header);
  return {actor != request.headers.end() ? actor->second : ports::describe(request.caller),
          request.source,
          stdx::format("{} {}", request.method, stdx::printable(request.path, 300))};
}

std::optional<HttpAudit::Entry> HttpAudit::begin(const ports::HttpRequest& request) const {
  if (log_ == nullptr || request.method == "GET") return std::nullopt;
  const auto* row = wire::find_access(service_, request.method, request.path).row;
  if (row != nullptr && row->ingress) return std::nullopt;
  return entry_of(request);
}

void HttpAudit::answered(const Entry& entry, const ports::HttpResponse& response) {
  const auto why = response.status < 400
                       ? ""
                       : stdx::shortened(wire::error_from_response(response).message, 300);
  log_->info("request", {{"who", entry.who},
                         {"from", entry.from},
                         {"what", entry.what},
                         {"status", response.status},
                         {"why", why}});
}

void HttpAudit::refused(const ports::HttpRequest& request, const ports::HttpResponse& response,
                        stdx::Instant now) {
  const bool denied = response.status == 401 || response.status == 403 || response.status == 421;
  if (log_ == nullptr || !denied) return;
  const auto held_back = denials_.pass(now);
  if (!held_back) return;
  const auto entry = entry_of(request);
  log_->warn("denied", {{"who", entry.who},
                        {"from", entry.from},
                        {"what", entry.what},
                        {"status", response.status},
                        {"why", stdx::shortened(wire::error_from_response(response).message, 300)},
                        {"not_logged", *held_back}});
}

}  // namespace adapters::net
