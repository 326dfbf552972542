// SPDX-License-Identifier: Apache-2.0
#pragma once

// zmesh over HTTP: the mesh as an operator sees it, and the published doorway for messages,
// POST /v1/spaces/send.

#include "ports/http.h"
#include "ports/runtime.h"
#include "samoza/v1/api.pb.h"
#include "wire/http_router.h"
#include "zmesh/service.h"

namespace zmesh {

class HttpApi final : public ports::HttpHandler {
 public:
  // Requests to routes of spaces at once, of all callers; one more gets 503.
  static constexpr std::size_t public_max = 96;

  HttpApi(ports::Runtime& runtime, Service& service, std::uint16_t port);
  void handle(ports::HttpRequest request, ports::HttpReply reply) override;
  // A space answers there: no operator's token is asked for.
  bool is_public(const std::string& path) const;

 private:
  void answer_public(const v1::DirectoryEntry& space, const ports::HttpRequest& request,
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
  std::shared_ptr<std::size_t> public_ = std::make_shared<std::size_t>(0);  // under way
};

}  // namespace zmesh
