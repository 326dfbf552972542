// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::HttpClient: one connection per request, from `bind_ip`, no redirects, no proxies, answers
// up to 64 MB. Endpoint::https is the control plane of this cluster: `identity` is what this side
// shows and trusts.

#include <memory>
#include <string>

#include "adapters/loop/loop.h"
#include "adapters/tls/session.h"
#include "ports/http.h"

namespace adapters::net {

class NetHttpClient final : public ports::HttpClient {
 public:
  NetHttpClient(loop::Loop& loop, std::string bind_ip, const tls::Context* identity = nullptr)
      : loop_(loop), bind_ip_(std::move(bind_ip)), identity_(identity) {}

  void request(const ports::Endpoint& to, ports::HttpRequest request, stdx::Duration timeout,
               std::function<void(stdx::Result<ports::HttpResponse>)> done) override;

 private:
  loop::Loop& loop_;
  std::string bind_ip_;
  const tls::Context* identity_;
};

}  // namespace adapters::net
