// SPDX-License-Identifier: Apache-2.0
#include "zrms/cluster_api.h"

#include <algorithm>
#include <utility>

#include "stdx/near_miss.h"
#include "stdx/text.h"
#include "wire/json.h"

namespace zrms {

using namespace std::chrono_literals;
using stdx::Code;

ClusterApi::ClusterApi(rpc::ServiceBus& zmesh, const Leadership& leadership,
                       const ClusterManager& cluster, const ClusterViews& views,
                       LeaderRoutes& routes)
    : zmesh_(zmesh), leadership_(leadership), cluster_(cluster) {
  routes.add_at_leader("GET", "/v1/cluster", [&views](wire::RouteMatch, ports::HttpReply reply) {
    reply(wire::json_response(views.cluster()));
  });
  routes.add_at_leader("GET", "/v1/cluster/zhosts",
                       [&views](wire::RouteMatch, ports::HttpReply reply) {
                         reply(wire::json_response(views.zhosts()));
                       });
  routes.add_at_leader("POST", "/v1/cluster/zhosts/{id}/forget",
                       [this](wire::RouteMatch match, ports::HttpReply reply) {
                         forget_zhost(match.parameters["id"], std::move(reply));
                       });
}

void ClusterApi::forget_zhost(const std::string& zhost, ports::HttpReply reply) {
  const auto member =
      std::find_if(leadership_.members().peers().begin(), leadership_.members().peers().end(),
                   [&](const v1::Member& m) { return m.zhost_id() == zhost; });
  const auto name = stdx::printable(zhost, 80);
  if (member == leadership_.members().peers().end()) {
    stdx::NearMiss miss(zhost);
    for (const auto& other : leadership_.members().peers()) miss.consider(other.zhost_id());
    return reply(wire::error_response(
        {Code::not_found, stdx::format("there is no zhost '{}'; `cluster zhosts` lists them{}",
                                       name, miss.hint())}));
  }
  if (cluster_.life(zhost) != ClusterManager::Life::dead)
    return reply(wire::error_response(
        {Code::conflict, stdx::format("zhost '{}' is not unavailable; stop it first, only a zhost "
                                      "that is found dead can be forgotten",
                                      name)}));
  v1::ForgetRequest request;
  request.set_term(leadership_.term());
  request.set_zhost_id(zhost);
  request.set_incarnation(member->incarnation());
  zmesh_.request(
      rpc::address("", "controlplane"), "controlplane.forget", request.SerializeAsString(), 5s,
      rpc::expect<v1::ForgetReply>([reply](stdx::Result<v1::ForgetReply> done) {
        reply(done ? wire::json_response(std::string("{}")) : wire::error_response(done.error()));
      }));
}

}  // namespace zrms
