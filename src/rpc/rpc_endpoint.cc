// SPDX-License-Identifier: Apache-2.0
#include "rpc/rpc_endpoint.h"

#include "ports/transport.h"
#include "stdx/assert.h"
#include "stdx/text.h"

namespace rpc {

using stdx::Code;

namespace {

// A frame past the bound breaks its link, and with it everybody else's requests. Hubs add to the
// addresses and the route on the way.
constexpr std::size_t envelope_bytes_max = ports::Link::frame_bytes_max - 4096;

stdx::Status fits(const v1::Envelope& envelope) {
  const auto bytes = envelope.ByteSizeLong();
  if (bytes <= envelope_bytes_max) return {};
  return stdx::fail(Code::full,
                    stdx::format("{}: {} of {} bytes does not fit into a frame", envelope.method(),
                                 envelope.is_response() ? "an answer" : "a message", bytes));
}

}  // namespace

RpcEndpoint::RpcEndpoint(ports::Runtime& runtime, SendEnvelope send)
    : runtime_(runtime),
      send_(std::move(send)),
      // Starts somewhere new after each start, so that a late response to a former process of this
      // name does not answer a request of this one.
      next_id_(runtime.random.next() >> 1 | 1) {}

void RpcEndpoint::on(std::string method, Handler handler) {
  const bool fresh = handlers_.emplace(std::move(method), std::move(handler)).second;
  ASSERT(fresh, "a method is registered once");
}

void RpcEndpoint::request(v1::ServiceAddress to, std::string method, stdx::Bytes body,
                          stdx::Duration timeout, Response done) {
  if (waiting_.size() >= requests_max) {
    runtime_.executor.post([done = std::move(done), method] {
      done(stdx::fail(Code::full,
                      stdx::format("{}: {} requests are under way already", method, requests_max)));
    });
    return;
  }
  const std::uint64_t id = next_id_++;
  auto& waiting = waiting_[id];
  waiting.done = std::move(done);
  waiting.timer = std::make_unique<ports::Timer>(runtime_.executor);
  waiting.timer->set(timeout, [this, id, method, where = to.zhost() + "/" + to.service()] {
    auto node = waiting_.extract(id);
    if (node.empty()) return;
    node.mapped().done(
        stdx::fail(Code::timeout, stdx::format("{}: no answer from {} in time", method, where)));
  });
  v1::Envelope envelope;
  *envelope.mutable_to() = std::move(to);
  envelope.set_request_id(id);
  envelope.set_method(std::move(method));
  envelope.set_body(std::move(body));
  if (auto fit = fits(envelope); !fit) {
    auto node = waiting_.extract(id);
    return runtime_.executor.post([done = std::move(node.mapped().done), why = std::move(fit)] {
      done(std::unexpected(why.error()));
    });
  }
  send_(std::move(envelope));
}

void RpcEndpoint::notify(v1::ServiceAddress to, std::string method, stdx::Bytes body) {
  v1::Envelope envelope;
  *envelope.mutable_to() = std::move(to);
  envelope.set_method(std::move(method));
  envelope.set_body(std::move(body));
  if (const auto fit = fits(envelope); !fit)
    return runtime_.log.error("event_too_large", {{"why", fit.error().message}});
  send_(std::move(envelope));
}

void RpcEndpoint::receive(v1::Envelope envelope) {
  if (envelope.is_response()) {
    auto node = waiting_.extract(envelope.request_id());
    if (node.empty()) return;  // answered already, by its timeout
    if (envelope.status().code() != 0)
      node.mapped().done(std::unexpected(wire::from_wire(envelope.status())));
    else
      node.mapped().done(std::move(*envelope.mutable_body()));
    return;
  }
  const auto handler = handlers_.find(envelope.method());
  if (handler == handlers_.end()) {
    if (envelope.request_id() != 0)
      send_(failure(envelope,
                    {Code::unsupported, stdx::format("no method '{}' here",
                                                     stdx::printable(envelope.method(), 100))}));
    return;
  }
  const stdx::Bytes body = std::move(*envelope.mutable_body());
  Response respond = [](stdx::Result<stdx::Bytes>) {};
  if (envelope.request_id() != 0) {
    v1::Envelope response;
    *response.mutable_to() = envelope.from();
    response.set_request_id(envelope.request_id());
    response.set_is_response(true);
    response.set_method(envelope.method());
    respond = [this, alive = std::weak_ptr<bool>(alive_),
               response = std::move(response)](stdx::Result<stdx::Bytes> result) mutable {
      if (alive.expired()) return;
      if (result)
        response.set_body(std::move(*result));
      else
        *response.mutable_status() = wire::to_wire(result.error());
      if (const auto fit = fits(response); !fit) {
        response.clear_body();
        *response.mutable_status() = wire::to_wire(fit.error());
      }
      send_(std::move(response));
    };
  }
  handler->second({envelope.from(), {envelope.route().begin(), envelope.route().end()}}, body,
                  std::move(respond));
}

void RpcEndpoint::fail_all(const stdx::Error& why) {
  auto all = std::move(waiting_);
  waiting_.clear();
  for (auto& [id, waiting] : all) waiting.done(std::unexpected(why));
}

v1::Envelope RpcEndpoint::failure(const v1::Envelope& request, const stdx::Error& error) {
  v1::Envelope response;
  *response.mutable_to() = request.from();
  *response.mutable_from() = request.to();
  response.set_request_id(request.request_id());
  response.set_is_response(true);
  response.set_method(request.method());
  *response.mutable_status() = wire::to_wire(error);
  return response;
}

}  // namespace rpc
