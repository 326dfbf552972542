// SPDX-License-Identifier: Apache-2.0
#include "zmesh/send_api.h"

#include "stdx/near_miss.h"
#include "stdx/text.h"
#include "stdx/utf8.h"
#include "wire/json.h"
#include "zmesh/http_message.h"

namespace zmesh {

using stdx::Code;

namespace {

constexpr std::string_view names_of_queries[] = {"to", "wait", "timeout_ms"};

std::string query(const ports::HttpRequest& request, const char* name) {
  const auto at = request.query.find(name);
  return at == request.query.end() ? "" : at->second;
}

stdx::Result<v1::SendRequest> read_raw(const ports::HttpRequest& request) {
  for (const auto& [name, value] : request.query)
    if (name != "to" && name != "wait" && name != "timeout_ms")
      return stdx::fail(
          Code::invalid,
          stdx::format("?{}= is unknown here; there are to, wait and timeout_ms{}",
                       stdx::printable(name, 40), stdx::did_you_mean(name, names_of_queries)));
  v1::SendRequest message;
  const auto to = query(request, "to");
  const auto slash = to.find('/');
  if (slash == std::string::npos)
    return stdx::fail(Code::invalid,
                      stdx::format("?to={} must be TOPOLOGY/SPACE", stdx::printable(to, 80)));
  message.set_topology(to.substr(0, slash));
  message.set_to(to.substr(slash + 1));
  const auto wait = query(request, "wait");
  if (!wait.empty() && wait != "0" && wait != "1")
    return stdx::fail(Code::invalid,
                      stdx::format("wait={} must be 0 or 1", stdx::printable(wait, 40)));
  message.set_wait(wait == "1");
  if (const auto timeout = query(request, "timeout_ms"); !timeout.empty()) {
    const auto ms = stdx::parse_u64(timeout);
    if (!ms || *ms == 0 || *ms > 0xffffffffu)
      return stdx::fail(Code::invalid, stdx::format("timeout_ms={} is no number of milliseconds",
                                                    stdx::printable(timeout, 40)));
    message.set_timeout_ms(static_cast<std::uint32_t>(*ms));
  }
  const auto key = request.headers.find("idempotency-key");
  if (key != request.headers.end()) {
    if (!stdx::is_utf8(key->second))
      return stdx::fail(Code::invalid, "the header Idempotency-Key is not UTF-8");
    message.set_id(key->second);
  }
  if (!stdx::is_utf8(message.topology()) || !stdx::is_utf8(message.to()))
    return stdx::fail(Code::invalid, "?to= is not UTF-8");
  message.set_payload(request.body);
  return message;
}

ports::HttpResponse raw_response(v1::SendReply sent) {
  if (sent.outcome() == "accepted") return wire::json_response(sent, 202);
  // From another zhost: only what it may say.
  if (sent.outcome() != "answered" && sent.outcome() != "handled")
    return wire::error_response(
        {Code::failed, "the zhost that has the space answered with no outcome that is known here"});
  if (sent.outcome() == "handled") sent.clear_answer();
  ports::HttpResponse response;
  response.headers["Samoza-Outcome"] = sent.outcome();
  if (sent.repeated()) response.headers["Samoza-Repeated"] = "1";
  if (!sent.traceparent().empty()) response.headers["traceparent"] = sent.traceparent();
  response.status = sent.outcome() == "answered" ? 200 : 204;
  response.content_type =
      stdx::is_utf8(sent.answer()) ? "text/plain; charset=utf-8" : "application/octet-stream";
  response.body = std::move(*sent.mutable_answer());
  return response;
}

ports::HttpResponse json_answer(v1::SendReply sent) {
  if (stdx::is_utf8(sent.answer())) sent.set_text(sent.answer());
  return wire::json_response(sent);
}

// An ingress token is for messages from outside to the spaces of its topology.
stdx::Status check_ingress(const Directory& directory, const v1::SendRequest& message,
                           const std::string& topology) {
  const auto* door = directory.find_door(message.topology(), message.to());
  if (message.from().empty() && door != nullptr && door->topology() == topology) return {};
  // What the topology has is no secret to whoever has a token of it.
  if (message.from().empty() && message.topology() == topology)
    return stdx::fail(
        Code::not_found,
        stdx::format("topology '{}' has no space '{}' that takes messages from outside (ingress: "
                     "true in its space.yaml)",
                     topology, stdx::printable(message.to(), 80)));
  return stdx::fail(
      Code::denied,
      stdx::format("this token has the role ingress of topology {}: it sends to the spaces of that "
                   "topology that take messages from outside, and nothing else",
                   topology));
}

}  // namespace

void send_message(Service& service, const ports::HttpRequest& request, ports::HttpReply reply) {
  const bool raw = request.query.contains("to");
  stdx::Result<v1::SendRequest> message = v1::SendRequest();
  if (raw)
    message = read_raw(request);
  else if (auto good = wire::from_json(request.body, *message); !good)
    message = std::unexpected(good.error());
  if (!message) return reply(wire::error_response(message.error()));
  if (const auto scope = request.headers.find(":ingress"); scope != request.headers.end())
    if (auto may = check_ingress(service.directory(), *message, scope->second); !may)
      return reply(wire::error_response(may.error()));
  if (message->traceparent().empty()) message->set_traceparent(traceparent_of(request));
  service.send(std::move(*message), [reply, raw](stdx::Result<v1::SendReply> sent) {
    if (!sent) return reply(wire::error_response(sent.error()));
    reply(raw ? raw_response(std::move(*sent)) : json_answer(std::move(*sent)));
  });
}

}  // namespace zmesh
