// SPDX-License-Identifier: Apache-2.0
// GET /v1/events: of the leader, and while there is none what this zrms heard last.
#include <algorithm>
#include <utility>

#include "stdx/encoding.h"
#include "stdx/rfc3339.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "zrms/service.h"

namespace zrms {

using stdx::Code;

namespace {
constexpr std::size_t events_shown = 200, events_shown_max = 1000;
}  // namespace

void Service::wire_events() {
  leader_.supers = [this] {
    return std::vector<std::string>(members_.supers().begin(), members_.supers().end());
  };
  zmesh_.on("zrms.events",
            rpc::event<v1::EventsTold>([this](const rpc::Caller& caller, v1::EventsTold news) {
              if (leads() || caller.from.zhost() != members_.leader()) return;
              leader_.events().told(news);
            }));
  router_.add("GET", "/v1/events", [this](wire::RouteMatch match, ports::HttpReply reply) {
    const auto otherwise = [this, request = match.request, reply](ports::HttpResponse response) {
      if (response.status < 500) return reply(std::move(response));
      answer_known(request, std::move(response), reply);
    };
    if (!forwarded(match.request, otherwise)) reply(list_events(match.request.query, ""));
  });
}

// Nobody can write that the records are behind while they are: the next leader here does.
void Service::watch_records() {
  if (!control_plane_trouble_.starts_with("the records are ") || !behind_since_.empty()) return;
  behind_since_ = stdx::format_rfc3339_ms(runtime_.clock.wall());
  behind_why_ = control_plane_trouble_;
}

void Service::watch_brake(stdx::Instant now) {
  const bool braking = leads() && cluster_.braking(now);
  if (std::exchange(brake_noted_, braking) == braking || !leads()) return;
  v1::Event event;
  event.set_what(braking ? "brake on" : "brake off");
  event.set_why(braking ? "more than half of the zhosts look dead: none of them is given up"
                        : "zhosts that stay silent are given up");
  leader_.note(std::move(event));
}

ports::HttpResponse Service::list_events(const std::map<std::string, std::string>& query,
                                         const std::string& detail) const {
  const auto value = [&](const char* name) {
    const auto at = query.find(name);
    return at == query.end() ? std::string() : at->second;
  };
  auto scope = value("topology");
  if (!scope.empty() && scope != EventLog::of_cluster && !stdx::is_uuid(scope)) {
    const auto* row = detail.empty() ? find_topology(scope) : nullptr;
    const auto id = row != nullptr ? row->record.id() : leader_.events().topology_named(scope);
    if (id.empty())
      return wire::error_response(
          {Code::not_found, stdx::format("there is no topology '{}', and nothing is known of one "
                                         "that was; `topo` lists them",
                                         stdx::printable(scope, 80))});
    scope = id;
  }
  const auto limit = stdx::parse_u64(value("limit")).value_or(events_shown);
  const auto after = stdx::parse_u64(value("after"));
  if (!after && !value("after").empty())
    return wire::error_response({Code::invalid, "after is the number of an event"});
  v1::EventsReply reply;
  reply.set_detail(detail);
  for (auto& event : leader_.events().list(
           scope, after.value_or(0),
           static_cast<std::size_t>(std::clamp<std::uint64_t>(limit, 1, events_shown_max))))
    *reply.add_events() = std::move(event);
  return wire::json_response(reply);
}

}  // namespace zrms
