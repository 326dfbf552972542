// SPDX-License-Identifier: Apache-2.0
#include "zrun/http_api.h"

#include "samoza/v1/api.pb.h"
#include "stdx/encoding.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "wire/log_query.h"
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

stdx::Result<std::uint64_t> letter_id(const std::string& text) {
  const auto bytes = stdx::hex_decode(text);
  if (!bytes || bytes->size() != 8)
    return stdx::fail(Code::invalid, stdx::format("'{}' is no id of a dead letter: 16 hexadecimal "
                                                  "digits, as `dead-letters` shows them",
                                                  stdx::printable(text, 40)));
  std::uint64_t id = 0;
  for (const unsigned char byte : *bytes) id = id << 8 | byte;
  return id;
}

v1::DeadLetterView view_of(const DeadLetter& letter) {
  v1::DeadLetterView view;
  view.set_id(stdx::format("{:016x}", letter.id));
  view.set_topology_id(letter.topology);
  view.set_path(letter.path);
  view.set_from(letter.from);
  view.set_to(letter.to);
  view.set_reason(stdx::printable(letter.reason, 1000));
  view.set_seq(letter.seq);
  view.set_bytes(letter.payload.size());
  view.set_deliveries(letter.deliveries);
  view.set_at(stdx::format_rfc3339(letter.at));
  view.set_retrying(letter.retrying);
  view.set_stored(letter.stored);
  return view;
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
    for (const auto* space : service_.spaces().list())
      running += !space->is_ui() && space->state() == SpaceState::running;  // R-DEC-28
    view.set_spaces(running);
    view.set_uptime_ms(static_cast<std::uint64_t>(stdx::to_ms(runtime_.clock.now() - started_)));
    reply(wire::json_response(view));
  });
  router_.add("GET", "/v1/spaces", [this](wire::RouteMatch, ports::HttpReply reply) {
    v1::SpaceList list;
    for (const auto* space : service_.spaces().list())
      *list.add_spaces() = space_view(*space, service_.options().zhost, 0);
    reply(wire::json_response(list));
  });
  router_.add("GET", "/v1/spaces/{name}", [this](wire::RouteMatch match, ports::HttpReply reply) {
    const auto* space =
        service_.spaces().space(match.request.query["topology"], match.parameters["name"]);
    if (space == nullptr)
      return reply(wire::error_response(no_space(match.parameters["name"], service_)));
    reply(wire::json_response(space_view(*space, service_.options().zhost, 10)));
  });
  router_.add(
      "GET", "/v1/spaces/{name}/logs", [this](wire::RouteMatch match, ports::HttpReply reply) {
        const auto& name = match.parameters["name"];
        const auto query = wire::log_query(match.request, name);
        if (!query) return reply(wire::error_response(query.error()));
        if (!query->all_lives() && service_.spaces().space(query->topology(), name) == nullptr)
          return reply(wire::error_response(no_space(name, service_)));
        service_.details().detail(*query, [reply](stdx::Result<v1::SpaceDetail> found) {
          reply(found ? wire::json_response(found->logs()) : wire::error_response(found.error()));
        });
      });
  add_dead_letters();
}

void HttpApi::add_dead_letters() {
  router_.add("GET", "/v1/dead-letters", [this](wire::RouteMatch, ports::HttpReply reply) {
    v1::DeadLettersReply out;
    out.set_total(service_.letters().letters().total());
    for (const auto& letter : service_.letters().letters().all())
      *out.add_letters() = view_of(letter);
    reply(wire::json_response(out));
  });
  router_.add(
      "GET", "/v1/dead-letters/{id}", [this](wire::RouteMatch match, ports::HttpReply reply) {
        const auto id = letter_id(match.parameters["id"]);
        const auto* letter = id ? service_.letters().letters().find(*id) : nullptr;
        if (letter == nullptr)
          return reply(wire::error_response(
              {Code::not_found, stdx::format("no dead letter '{}' is kept on this zhost",
                                             stdx::printable(match.parameters["id"], 40))}));
        auto view = view_of(*letter);
        view.set_payload(letter->payload);
        reply(wire::json_response(view));
      });
  const auto change = [this](const char* verb, stdx::Status (LetterWriter::*what)(std::uint64_t)) {
    router_.add("POST", stdx::format("/v1/dead-letters/{{id}}/{}", verb),
                [this, what](wire::RouteMatch match, ports::HttpReply reply) {
                  const auto id = letter_id(match.parameters["id"]);
                  if (!id) return reply(wire::error_response(id.error()));
                  if (auto done = (service_.letters().*what)(*id); !done)
                    return reply(wire::error_response(done.error()));
                  reply(wire::json_response(v1::DeadLettersReply()));
                });
  };
  change("retry", &LetterWriter::retry);
  change("drop", &LetterWriter::drop);
}

void HttpApi::handle(ports::HttpRequest request, ports::HttpReply reply) {
  router_.route(std::move(request), std::move(reply));
}

}  // namespace zrun
