// SPDX-License-Identifier: Apache-2.0
#include "zrms/events_api.h"

#include <algorithm>
#include <vector>

#include "samoza/v1/api.pb.h"
#include "stdx/encoding.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "zrms/named_topology.h"

namespace zrms {

using stdx::Code;

namespace {
constexpr std::size_t events_shown = 200, events_shown_max = 1000;
}  // namespace

EventsApi::EventsApi(rpc::ServiceBus& zmesh, const Leadership& leadership, Leader& leader,
                     LeaderRoutes& routes)
    : leadership_(leadership), leader_(leader) {
  leader_.events().supers = [this] {
    return std::vector<std::string>(leadership_.members().supers().begin(),
                                    leadership_.members().supers().end());
  };
  zmesh.on("zrms.events",
           rpc::event<v1::EventsTold>([this](const rpc::Caller& caller, v1::EventsTold news) {
             if (leadership_.leads() || caller.from.zhost() != leadership_.members().leader())
               return;
             leader_.events().log().told(news);
           }));
  routes.add("GET", "/v1/events", [this, &routes](wire::RouteMatch match, ports::HttpReply reply) {
    const auto otherwise = [&routes, request = match.request, reply](ports::HttpResponse response) {
      if (response.status < 500) return reply(std::move(response));
      routes.answer_known(request, std::move(response), reply);
    };
    if (!routes.forwarded(match.request, otherwise)) reply(list(match.request.query, ""));
  });
  routes.set_answer_away([this](const ports::HttpRequest& request, const ports::HttpReply& reply) {
    if (request.path != "/v1/events" || !leadership_.is_super()) return false;
    reply(list(request.query, leadership_.away_sentence()));
    return true;
  });
}

ports::HttpResponse EventsApi::list(const std::map<std::string, std::string>& query,
                                    const std::string& detail) const {
  const auto value = [&](const char* name) { return query_value(query, name); };
  auto scope = value("topology");
  if (!scope.empty() && scope != EventLog::of_cluster && !stdx::is_uuid(scope)) {
    const auto* row = detail.empty() ? named_topology(leader_.records(), scope) : nullptr;
    const auto id =
        row != nullptr ? row->record.id() : leader_.events().log().topology_named(scope);
    if (id.empty())
      return wire::error_response(
          {Code::not_found, stdx::format("there is no topology '{}', and nothing is known of one "
                                         "that was; `topo` lists them",
                                         stdx::printable(scope, 80))});
    scope = id;
  }
  const auto limit = limit_of(query, events_shown_max);
  if (!limit) return wire::error_response(limit.error());
  const auto after = stdx::parse_u64(value("after"));
  if (!after && !value("after").empty())
    return wire::error_response({Code::invalid, "after is the number of an event"});
  v1::EventsReply reply;
  reply.set_detail(detail);
  for (auto& event : leader_.events().log().list(scope, after.value_or(0),
                                                 value("limit").empty() ? events_shown : *limit))
    *reply.add_events() = std::move(event);
  return wire::json_response(reply);
}

}  // namespace zrms
