// SPDX-License-Identifier: Apache-2.0
#pragma once

// Join tokens over HTTP: the control plane makes, lists and revokes them, and any zrms asks it. No
// leader is needed.

#include "ports/http.h"
#include "rpc/service_bus.h"
#include "zrms/leader_routes.h"

namespace zrms {

class JoinTokensApi {
 public:
  // Both outlive it.
  JoinTokensApi(rpc::ServiceBus& zmesh, LeaderRoutes& routes);

 private:
  template <typename Reply>
  void ask(const char* method, const google::protobuf::Message& request, ports::HttpReply reply);

  rpc::ServiceBus& zmesh_;
};

}  // namespace zrms
