// SPDX-License-Identifier: Apache-2.0
#include "zrms/records_api.h"

#include <algorithm>

#include "samoza/v1/api.pb.h"
#include "stdx/rfc3339.h"
#include "wire/json.h"
#include "zrms/cluster_copies.h"

namespace zrms {

using namespace std::chrono_literals;

RecordsApi::RecordsApi(ports::Runtime& runtime, rpc::ServiceBus& zmesh,
                       const Leadership& leadership, LeaderRoutes& routes)
    : runtime_(runtime), zmesh_(zmesh), leadership_(leadership) {
  routes.add("POST", "/v1/cluster/recover", [this](wire::RouteMatch, ports::HttpReply reply) {
    ask<v1::RecoverReply>("controlplane.recover", v1::RecoverRequest(), std::move(reply));
  });
  routes.add("POST", "/v1/cluster/backup", [this](wire::RouteMatch match, ports::HttpReply reply) {
    v1::BackupRequest request;
    request.set_path(match.request.query["path"]);
    ask<v1::BackupReply>("controlplane.backup", request, std::move(reply));
  });
  routes.add("POST", "/v1/cluster/restore", [this](wire::RouteMatch match, ports::HttpReply reply) {
    v1::RestoreRequest request;
    request.set_path(match.request.query["path"]);
    request.set_from(match.request.query["from"]);
    request.set_copy(match.request.query["copy"]);
    ask<v1::RestoreReply>("controlplane.restore", request, std::move(reply));
  });
  routes.add("GET", "/v1/cluster/copies",
             [this](wire::RouteMatch, ports::HttpReply reply) { list_copies(std::move(reply)); });
}

template <typename Reply>
void RecordsApi::ask(const char* method, const google::protobuf::Message& request,
                     ports::HttpReply reply) {
  zmesh_.request(rpc::address("", "controlplane"), method, request.SerializeAsString(), 60s,
                 rpc::expect<Reply>([reply](stdx::Result<Reply> done) {
                   reply(done ? wire::json_response(*done) : wire::error_response(done.error()));
                 }));
}

void RecordsApi::list_copies(ports::HttpReply reply) {
  std::vector<std::string> zhosts{leadership_.zhost()};
  for (const auto& member : leadership_.members().peers())
    if (member.zhost_id() != leadership_.zhost()) zhosts.push_back(member.zhost_id());
  ask_copies(zmesh_, leadership_.zhost(), std::move(zhosts),
             [reply, detail = leadership_.members().copies_detail(),
              wall = runtime_.clock.wall()](v1::ClusterCopies copies) {
               copies.set_detail(detail);
               for (auto& zhost : *copies.mutable_zhosts())
                 for (auto& copy : *zhost.mutable_copies()) {
                   const stdx::WallTime made{std::chrono::seconds(copy.made())};
                   copy.set_made_at(stdx::format_rfc3339(made));
                   const auto age = std::chrono::floor<std::chrono::seconds>(wall - made).count();
                   copy.set_age_seconds(static_cast<std::uint64_t>(std::max<std::int64_t>(age, 0)));
                 }
               reply(wire::json_response(copies));
             });
}

}  // namespace zrms
