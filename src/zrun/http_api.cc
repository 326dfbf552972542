// SPDX-License-Identifier: Apache-2.0
#include "zrun/http_api.h"

#include "samoza/v1/api.pb.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "zrun/space_view.h"

namespace zrun {
namespace {

using stdx::Code;

stdx::Error no_space(const std::string& name, const Service& service) {
  return {Code::not_found,
          stdx::format("no space '{}' runs on zhost '{}'; `mesh spaces` shows where "
                       "each one is",
                       stdx::printable(name, 80), service.options().zhost)};
}

}  // namespace

HttpApi::HttpApi(ports::Runtime& runtime, Service& service)
    : runtime_(runtime), service_(service), started_(runtime.clock.now()) {
  wire_routes();
}

void HttpApi::wire_routes() {
  router_.add("GET", "/healthz", [](wire::RouteMatch, ports::HttpReply reply) {
    reply(wire::json_response(R"({"status":"ok"})"));
  });
  router_.add("GET", "/v1/status", [this](wire::RouteMatch, ports::HttpReply reply) {
    v1::ServiceStatus view;
    view.set_service("zrun");
    view.set_status(service_.zmesh_connected() ? "connected" : "degraded");
    view.set_zhost(service_.options().zhost);
    view.set_connections(static_cast<std::uint32_t>(service_.data_links()));
    std::uint32_t running = 0;
    for (const auto* space : service_.spaces())
      running += !space->is_ui() && space->state() == SpaceState::running;  // R-DEC-28
    view.set_spaces(running);
    view.set_uptime_ms(static_cast<std::uint64_t>(stdx::to_ms(runtime_.clock.now() - started_)));
    reply(wire::json_response(view));
  });
  router_.add("GET", "/v1/spaces", [this](wire::RouteMatch, ports::HttpReply reply) {
    v1::SpaceList list;
    for (const auto* space : service_.spaces())
      *list.add_spaces() = space_view(*space, service_.options().zhost, 0);
    reply(wire::json_response(list));
  });
  router_.add("GET", "/v1/spaces/{name}", [this](wire::RouteMatch match, ports::HttpReply reply) {
    const auto* space = service_.find(match.request.query["topology"], match.parameters["name"]);
    if (space == nullptr)
      return reply(wire::error_response(no_space(match.parameters["name"], service_)));
    reply(wire::json_response(space_view(*space, service_.options().zhost, 10)));
  });
  router_.add("GET", "/v1/spaces/{name}/logs",
              [this](wire::RouteMatch match, ports::HttpReply reply) {
                const auto* space =
                    service_.find(match.request.query["topology"], match.parameters["name"]);
                if (space == nullptr)
                  return reply(wire::error_response(no_space(match.parameters["name"], service_)));
                reply(wire::json_response(space_logs(*space)));
              });
  router_.add("GET", "/v1/dead-letters", [this](wire::RouteMatch, ports::HttpReply reply) {
    v1::DeadLettersReply out;
    out.set_total(service_.dead_letters_total());
    for (const auto& letter : service_.dead_letters()) {
      auto* view = out.add_letters();
      view->set_topology_id(letter.topology);
      view->set_path(letter.path);
      view->set_from(letter.from);
      view->set_to(letter.to);
      view->set_reason(letter.reason);
      view->set_seq(letter.seq);
      view->set_bytes(letter.bytes);
    }
    reply(wire::json_response(out));
  });
}

bool HttpApi::serve_page(const ports::HttpRequest& request, const ports::HttpReply& reply) {
  const auto parts = stdx::split(request.path, '/');  // "", "spaces", topology, name, asset…
  if (parts.size() < 4 || parts[1] != "spaces") return false;
  auto* pages = service_.pages(std::string(parts[2]), std::string(parts[3]));
  if (pages == nullptr) {
    reply(wire::error_response(no_space(std::string(parts[3]), service_)));
    return true;
  }
  if (request.method != "GET") {
    auto response = wire::error_response({Code::invalid, "pages are read-only"});
    response.status = 405;
    response.headers["Allow"] = "GET";
    reply(std::move(response));
    return true;
  }
  if (parts.size() == 4) {
    ports::HttpResponse response;
    response.status = 308;
    response.headers["Location"] = request.path + "/";
    reply(std::move(response));
    return true;
  }
  std::string asset;
  for (std::size_t i = 4; i < parts.size(); ++i)
    asset += (i > 4 ? "/" : "") + std::string(parts[i]);
  reply(pages->serve(asset));
  return true;
}

void HttpApi::handle(ports::HttpRequest request, ports::HttpReply reply) {
  if (serve_page(request, reply)) return;
  router_.route(std::move(request), std::move(reply));
}

void HttpApi::handle_websocket(ports::HttpRequest request, std::unique_ptr<ports::Link> link) {
  const auto parts = stdx::split(request.path, '/');
  if (parts.size() != 5 || parts[1] != "spaces" || parts[4] != "ws") return;
  if (auto* pages = service_.pages(std::string(parts[2]), std::string(parts[3])))
    pages->open(std::move(link));
}

}  // namespace zrun
