// SPDX-License-Identifier: Apache-2.0
#pragma once

// One side of remote calls: the handlers by method, and the requests that wait for a response. A
// service on a bus has one, and so has the hub itself. It opens no link; envelopes go out through
// the function given at construction.
//
// A request is answered exactly once: by its response, by Code::timeout, or by Code::unavailable
// when the owner says that the link to the other side is gone. Bound: requests_max that wait; a
// request past it fails at once with Code::full.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "ports/runtime.h"
#include "samoza/v1/envelope.pb.h"
#include "stdx/result.h"
#include "wire/frame.h"

namespace rpc {

namespace v1 = samoza::v1;

using Response = std::function<void(stdx::Result<stdx::Bytes> body)>;

// What a handler knows of the caller. The address was set by a hub, not by the sender.
struct Caller {
  v1::ServiceAddress from;
  std::vector<std::string> route;
};
// `respond` is called exactly once for a request; for an event (nobody waits) it does nothing.
using Handler = std::function<void(const Caller& caller, stdx::BytesView body, Response respond)>;

class RpcEndpoint {
 public:
  static constexpr std::size_t requests_max = 10'000;

  using SendEnvelope = std::function<void(v1::Envelope)>;

  RpcEndpoint(ports::Runtime& runtime, SendEnvelope send);

  // Answers to `method`, which is registered once.
  void on(std::string method, Handler handler);

  void request(v1::ServiceAddress to, std::string method, stdx::Bytes body, stdx::Duration timeout,
               Response done);
  void notify(v1::ServiceAddress to, std::string method, stdx::Bytes body);

  // An envelope addressed to this service.
  void receive(v1::Envelope envelope);

  // Every request under way is answered with `why`.
  void fail_all(const stdx::Error& why);

  // A response to `request` that says it could not be delivered.
  static v1::Envelope failure(const v1::Envelope& request, const stdx::Error& error);

 private:
  struct Waiting {
    Response done;
    std::unique_ptr<ports::Timer> timer;
  };

  ports::Runtime& runtime_;
  SendEnvelope send_;
  std::map<std::string, Handler> handlers_;
  std::map<std::uint64_t, Waiting> waiting_;
  std::uint64_t next_id_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

inline v1::ServiceAddress address(std::string zhost, std::string service) {
  v1::ServiceAddress to;
  to.set_zhost(std::move(zhost));
  to.set_service(std::move(service));
  return to;
}

// A handler of a typed request: parses, calls `f(caller, request, done)`, encodes what it gives.
template <typename Request, typename Reply>
Handler typed(
    std::function<void(const Caller&, Request, std::function<void(stdx::Result<Reply>)>)> f) {
  return [f = std::move(f)](const Caller& caller, stdx::BytesView body, Response respond) {
    auto request = wire::parse<Request>(body);
    if (!request) return respond(std::unexpected(request.error()));
    f(caller, std::move(*request), [respond](stdx::Result<Reply> reply) {
      if (!reply) return respond(std::unexpected(reply.error()));
      respond(reply->SerializeAsString());
    });
  };
}

// A handler of a typed event.
template <typename Event>
Handler event(std::function<void(const Caller&, Event)> f) {
  return [f = std::move(f)](const Caller& caller, stdx::BytesView body, Response respond) {
    auto parsed = wire::parse<Event>(body);
    if (!parsed) return respond(std::unexpected(parsed.error()));
    f(caller, std::move(*parsed));
    respond(stdx::Bytes());
  };
}

// Turns the bytes of a response into `Reply`.
template <typename Reply>
Response expect(std::function<void(stdx::Result<Reply>)> done) {
  return [done = std::move(done)](stdx::Result<stdx::Bytes> body) {
    if (!body) return done(std::unexpected(body.error()));
    done(wire::parse<Reply>(*body));
  };
}

}  // namespace rpc
