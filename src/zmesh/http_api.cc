// SPDX-License-Identifier: Apache-2.0
#include "zmesh/http_api.h"

#include <algorithm>

#include "stdx/near_miss.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "wire/log_query.h"
#include "zmesh/http_message.h"
#include "zmesh/route_api.h"
#include "zmesh/send_api.h"

namespace zmesh {

using namespace std::chrono_literals;

namespace {
constexpr stdx::Duration ping_timeout = 10s;  // R-PING-1
constexpr const char* no_route = "-";         // in place of a door

ports::HttpResponse answer_without_route(const Directory& directory,
                                         const ports::HttpRequest& request) {
  if (directory.term() != 0)
    return wire::error_response(
        {stdx::Code::not_found, stdx::format("no space of this cluster answers HTTP requests at {}",
                                             stdx::printable(request.path, 200))});
  auto response = wire::error_response(
      {stdx::Code::unavailable,
       "this zhost was just started and has not heard yet which spaces answer; try again"});
  response.headers.emplace("Retry-After", "1");
  return response;
}

std::string route_text(const std::vector<std::string>& relays, const std::string& target) {
  if (relays.empty()) return "(direct)";
  std::string text;
  for (const auto& relay : relays) text += relay + " -> ";
  return text + target;
}
}  // namespace

HttpApi::HttpApi(ports::Runtime& runtime, Service& service, std::uint16_t port,
                 Pages::Access access)
    : runtime_(runtime),
      service_(service),
      port_(port),
      started_(runtime.clock.now()),
      pages_(runtime, service.hub().endpoint(), service.directory(), access) {
  wire_routes();
}

void HttpApi::handle(ports::HttpRequest request, ports::HttpReply reply) {
  const auto door = request.headers.find(":door");
  if (door != request.headers.end() && Pages::is_door(door->second))
    return pages_.handle(request, std::move(reply));
  if (door != request.headers.end())
    return answer_public(std::string(door->second), request, std::move(reply));
  router_.route(std::move(request), std::move(reply));
}

// Behind a proxy all of them come from one address, as the operator's may: some room stays for his.
void HttpApi::answer_public(const std::string& door, const ports::HttpRequest& request,
                            ports::HttpReply reply) {
  if (door == no_route) return reply(answer_without_route(service_.directory(), request));
  const auto slash = door.find('/');
  const auto* space =
      slash == std::string::npos
          ? nullptr
          : service_.directory().find(door.substr(0, slash), door.substr(slash + 1));
  if (space == nullptr)
    return reply(response_of(
        {stdx::Code::unavailable, "the space that answers here was just taken away; try again"}));
  if (*public_ >= public_max)
    return reply(response_of({stdx::Code::full, "too many requests wait for spaces; try again"}));
  ++*public_;
  answer_route(service_, *space, request,
               [count = public_, reply = std::move(reply)](ports::HttpResponse response) {
                 --*count;
                 reply(std::move(response));
               });
}

std::optional<ports::HttpResponse> HttpApi::refuse_websocket(
    const ports::HttpRequest& request) const {
  const auto door = request.headers.find(":door");
  if (door != request.headers.end() && Pages::is_door(door->second))
    return pages_.refuse_websocket(request);
  return wire::error_response(
      {stdx::Code::not_found,
       stdx::format("there is no WebSocket at {}; WebSockets are not passed on to spaces",
                    stdx::printable(request.path, 200))});
}

void HttpApi::handle_websocket(ports::HttpRequest request, std::unique_ptr<ports::Link> link) {
  const auto door = request.headers.find(":door");
  if (door != request.headers.end() && Pages::is_door(door->second))
    pages_.handle_websocket(request, std::move(link));
}

std::string HttpApi::door(const ports::HttpRequest& head) const {
  if (auto page = Pages::door(head); !page.empty()) return page;
  const auto* space = route_of(service_.directory(), head.path);
  if (space != nullptr) return space->topology_id() + "/" + space->space();
  // No space answers there, and no client of a space is to hear of tokens of operators.
  const bool of_zmesh =
      head.path.starts_with("/v1/") || head.path == "/healthz" || head.path == "/metrics";
  return of_zmesh ? "" : no_route;
}

std::string HttpApi::mode() const {
  const auto& supers = service_.members().supers();
  return std::find(supers.begin(), supers.end(), service_.options().self.zhost_id()) != supers.end()
             ? "super"
             : "local";
}

void HttpApi::wire_routes() {
  wire_lists();
  router_.add("GET", "/healthz", [](wire::RouteMatch, ports::HttpReply reply) {
    reply(wire::json_response(R"({"status":"ok"})"));
  });
  router_.add("GET", "/v1/status", [this](wire::RouteMatch, ports::HttpReply reply) {
    v1::ServiceStatus view;
    view.set_service("zmesh");
    view.set_status(service_.control_plane().registered() ? "connected" : "degraded");
    view.set_zhost(service_.options().self.zhost_id());
    view.set_mode(mode());
    view.set_connections(static_cast<std::uint32_t>(service_.peers().size()));
    view.set_control_plane(service_.control_plane().registered()
                               ? "connected"
                               : "unreachable: " + service_.control_plane_trouble());
    view.set_leader(service_.members().leader());
    view.set_term(service_.members().term());
    view.set_uptime_ms(static_cast<std::uint64_t>(stdx::to_ms(runtime_.clock.now() - started_)));
    const auto& credentials = service_.credentials();
    if (const auto own = credentials.validity())
      view.set_certificate_expires(stdx::format_rfc3339(own->not_after));
    if (const auto authority = credentials.authority_validity())
      view.set_authority_expires(stdx::format_rfc3339(authority->not_after));
    view.set_certificate_trouble(credentials.trouble());
    view.set_clock_difference_ms(stdx::to_ms(credentials.clock_difference()));
    reply(wire::json_response(view));
  });
  router_.add("GET", "/v1/mesh", [this](wire::RouteMatch, ports::HttpReply reply) {
    v1::MeshReply view;
    const auto& options = service_.options();
    view.set_base_url(stdx::format(
        "http://{}:{}", options.http_ip.empty() ? options.self.address() : options.http_ip, port_));
    view.set_status(service_.control_plane().registered() ? "connected" : "degraded");
    view.set_zhost_id(service_.options().self.zhost_id());
    view.set_cluster_id(service_.options().cluster_id);
    view.set_mode(mode());
    view.set_connections(static_cast<std::uint32_t>(service_.peers().size()));
    view.set_cluster_peers(static_cast<std::uint32_t>(service_.members().peers_size()));
    view.set_control_plane(service_.control_plane().registered()
                               ? "connected"
                               : "unreachable: " + service_.control_plane_trouble());
    reply(wire::json_response(view));
  });
  router_.add("POST", "/v1/mesh/ping", [this](wire::RouteMatch match, ports::HttpReply reply) {
    v1::PingCommand command;
    if (!match.request.body.empty())
      if (auto good = wire::from_json(match.request.body, command); !good)
        return reply(wire::error_response(good.error()));
    ping(command, std::move(reply));
  });
  router_.add("POST", "/v1/tickets", [this](wire::RouteMatch match, ports::HttpReply reply) {
    reply(pages_.give_ticket(match.request));
  });
  router_.add("POST", "/v1/spaces/send", [this](wire::RouteMatch match, ports::HttpReply reply) {
    send_message(service_, match.request, std::move(reply));
  });
}

void HttpApi::wire_lists() {
  router_.add("GET", "/v1/mesh/peers", [this](wire::RouteMatch, ports::HttpReply reply) {
    v1::PeersReply view;
    const auto& self = service_.options().self.zhost_id();
    const auto& supers = service_.members().supers();
    for (const auto& member : service_.members().peers()) {
      auto* peer = view.add_peers();
      peer->set_zhost_id(member.zhost_id());
      peer->set_address(ports::to_string(
          ports::Endpoint::tcp(member.address(), static_cast<std::uint16_t>(member.port()))));
      peer->set_region(member.region());
      peer->set_incarnation(member.incarnation());
      peer->set_connected(member.zhost_id() == self || service_.peers().linked(member.zhost_id()));
      peer->set_mode(std::find(supers.begin(), supers.end(), member.zhost_id()) != supers.end()
                         ? "super"
                         : "local");
      for (const auto& linked : service_.neighbours().links_of(member.zhost_id()))
        peer->add_linked(linked);
    }
    reply(wire::json_response(view));
  });
  router_.add("GET", "/v1/mesh/spaces", [this](wire::RouteMatch, ports::HttpReply reply) {
    v1::MeshSpacesReply view;
    view.set_term(service_.directory().term());
    for (const auto& entry : service_.directory().all()) {
      auto* space = view.add_spaces();
      space->set_topology_id(entry.topology_id());
      space->set_space(entry.space());
      space->set_zhost(entry.zhost());
      space->set_epoch(entry.epoch());
      space->set_running(entry.running());
    }
    reply(wire::json_response(view));
  });
  router_.add(
      "GET", "/v1/mesh/spaces/{name}", [this](wire::RouteMatch match, ports::HttpReply reply) {
        v1::SpaceDetailRequest request;
        request.set_topology(match.request.query["topology"]);
        request.set_space(match.parameters["name"]);
        service_.space_detail(request, [reply](stdx::Result<v1::SpaceDetail> found) {
          reply(found ? wire::json_response(found->view()) : wire::error_response(found.error()));
        });
      });
  router_.add(
      "GET", "/v1/mesh/spaces/{name}/logs", [this](wire::RouteMatch match, ports::HttpReply reply) {
        auto request = wire::log_query(match.request, match.parameters["name"]);
        if (!request) return reply(wire::error_response(request.error()));
        service_.space_detail(*request, [reply](stdx::Result<v1::SpaceDetail> found) {
          reply(found ? wire::json_response(found->logs()) : wire::error_response(found.error()));
        });
      });
}

void HttpApi::ping(const v1::PingCommand& command, ports::HttpReply reply) {
  std::vector<std::string> targets;
  for (const auto& member : service_.members().peers())
    if (member.zhost_id() != service_.options().self.zhost_id() &&
        (command.target().empty() || command.target() == member.zhost_id()))
      targets.push_back(member.zhost_id());
  if (targets.empty() && !command.target().empty()) {
    stdx::NearMiss miss(command.target());
    for (const auto& member : service_.members().peers()) miss.consider(member.zhost_id());
    return reply(wire::error_response(
        {stdx::Code::not_found, stdx::format("zhost '{}' is no other member of this cluster{}",
                                             stdx::printable(command.target(), 80), miss.hint())}));
  }
  struct Round {
    v1::PingTable table;
    std::size_t open;
  };
  auto round = std::make_shared<Round>(Round{{}, targets.size()});
  round->table.set_hops(NeighbourTable::hops_max);
  round->table.set_timeout(stdx::format_duration(ping_timeout));
  for (const auto& target : targets) round->table.add_rows()->set_zhost_id(target);
  if (targets.empty()) return reply(wire::json_response(round->table));
  for (std::size_t i = 0; i < targets.size(); ++i)
    service_.ping(targets[i], ping_timeout, [round, reply, i](stdx::Result<Service::Pong> pong) {
      auto& row = *round->table.mutable_rows(static_cast<int>(i));
      if (pong) {
        row.set_hops(static_cast<std::uint32_t>(pong->relays.size() + 1));
        row.set_rtt_ms(std::chrono::duration<double, std::milli>(pong->round_trip).count());
        row.set_path(route_text(pong->relays, pong->zhost));
      } else {
        row.set_error(pong.error().message);
      }
      if (--round->open == 0) reply(wire::json_response(round->table));
    });
}

}  // namespace zmesh
