// SPDX-License-Identifier: Apache-2.0
#pragma once

// zrun over HTTP: the spaces here, their logs, dead letters. Pages of UI spaces are at zmesh
// (zmesh/pages.h), which asks RemotePages.

#include "ports/http.h"
#include "ports/runtime.h"
#include "wire/http_router.h"
#include "zrun/service.h"

namespace zrun {

class HttpApi final : public ports::HttpHandler {
 public:
  HttpApi(ports::Runtime& runtime, Service& service);
  void handle(ports::HttpRequest request, ports::HttpReply reply) override;
  std::vector<std::string> routes() const { return router_.routes(); }

 private:
  void wire_routes();
  void add_dead_letters();

  ports::Runtime& runtime_;
  Service& service_;
  stdx::Instant started_;
  wire::HttpRouter router_;
};

}  // namespace zrun
