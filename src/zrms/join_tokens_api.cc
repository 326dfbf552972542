// SPDX-License-Identifier: Apache-2.0
#include "zrms/join_tokens_api.h"

#include "samoza/v1/join.pb.h"
#include "wire/json.h"

namespace zrms {

using namespace std::chrono_literals;

JoinTokensApi::JoinTokensApi(rpc::ServiceBus& zmesh, LeaderRoutes& routes) : zmesh_(zmesh) {
  routes.add("GET", "/v1/cluster/join-tokens", [this](wire::RouteMatch, ports::HttpReply reply) {
    ask<v1::JoinTokenList>("controlplane.join_tokens", v1::JoinTokensRequest(), std::move(reply));
  });
  routes.add("POST", "/v1/cluster/join-tokens",
             [this](wire::RouteMatch match, ports::HttpReply reply) {
               v1::JoinTokenRequest request;
               if (!match.request.body.empty())
                 if (auto good = wire::from_json(match.request.body, request); !good)
                   return reply(wire::error_response(good.error()));
               request.set_by(actor_of(match.request));
               ask<v1::JoinTokenMade>("controlplane.join_token_make", request, std::move(reply));
             });
  routes.add("POST", "/v1/cluster/join-tokens/{id}/revoke",
             [this](wire::RouteMatch match, ports::HttpReply reply) {
               v1::JoinTokenRevoke request;
               request.set_id(match.parameters["id"]);
               request.set_by(actor_of(match.request));
               ask<v1::JoinTokenView>("controlplane.join_token_revoke", request, std::move(reply));
             });
}

template <typename Reply>
void JoinTokensApi::ask(const char* method, const google::protobuf::Message& request,
                        ports::HttpReply reply) {
  zmesh_.request(rpc::address("", "controlplane"), method, request.SerializeAsString(), 10s,
                 rpc::expect<Reply>([reply](stdx::Result<Reply> done) {
                   reply(done ? wire::json_response(*done) : wire::error_response(done.error()));
                 }));
}

}  // namespace zrms
