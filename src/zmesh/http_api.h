// SPDX-License-Identifier: Apache-2.0
#pragma once

// zmesh over HTTP: the mesh as an operator sees it, and the published doorway for messages,
// POST /v1/spaces/send.

#include "ports/http.h"
#include "ports/runtime.h"
#include "samoza/v1/api.pb.h"
#include "wire/http_router.h"
#include "zmesh/pages.h"
#include "zmesh/service.h"

namespace zmesh {

class HttpApi final : public ports::HttpHandler {
 public:
  // Requests to routes of spaces at once, of all callers; one more gets 503.
  static constexpr std::size_t public_max = 96;

  HttpApi(ports::Runtime& runtime, Service& service, std::uint16_t port, Pages::Access access = {});
  void handle(ports::HttpRequest request, ports::HttpReply reply) override;
  // For the server (HttpServer::Options): only pages have WebSockets.
  std::optional<ports::HttpResponse> refuse_websocket(const ports::HttpRequest& request) const;
  void handle_websocket(ports::HttpRequest request, std::unique_ptr<ports::Link> link) override;
  std::vector<std::string> routes() const { return router_.routes(); }
  // Who answers a request of anybody: "page:LABELS" under the host name of a page;
  // "TOPOLOGY-ID/SPACE", where it is below the route of a space; else empty. The HTTP server asks
  // once, when the header is there, and sends the answer along in the request's header ":door":
  // what changes before the body is there changes nothing.
  std::string door(const ports::HttpRequest& head) const;

 private:
  void answer_public(const std::string& door, const ports::HttpRequest& request,
                     ports::HttpReply reply);
  void wire_routes();
  void wire_lists();
  std::string mode() const;
  void ping(const v1::PingCommand& command, ports::HttpReply reply);

  ports::Runtime& runtime_;
  Service& service_;
  std::uint16_t port_;
  stdx::Instant started_;
  wire::HttpRouter router_;
  Pages pages_;
  std::shared_ptr<std::size_t> public_ = std::make_shared<std::size_t>(0);  // under way
};

}  // namespace zmesh
