// SPDX-License-Identifier: Apache-2.0
#pragma once

// Access tokens over HTTP. The leader writes down what a token may do; the zrms that was asked
// signs it, so that the token itself is in no message between zhosts.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/cluster_key.h"
#include "ports/http.h"
#include "ports/runtime.h"
#include "rpc/service_bus.h"
#include "zrms/leader.h"
#include "zrms/leader_routes.h"

namespace zrms {

class TokensApi {
 public:
  // All outlive it; without a key it makes no tokens. Takes `zmesh.revoked` of the bus.
  TokensApi(ports::Runtime& runtime, rpc::ServiceBus& zmesh, ports::ClusterKey* key, Leader& leader,
            LeaderRoutes& routes);

  // Access tokens that hold no longer (wire/revoked_tokens.h), as zmesh hears of them.
  std::function<void(std::vector<std::string>)> on_revoked;

 private:
  void make(const ports::HttpRequest& request, ports::HttpReply reply);
  void revoke(const std::string& id, const ports::HttpRequest& request, ports::HttpReply reply);
  ports::HttpResponse with_token(ports::HttpResponse made) const;

  ports::Runtime& runtime_;
  ports::ClusterKey* key_;
  Leader& leader_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrms
