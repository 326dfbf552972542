// SPDX-License-Identifier: Apache-2.0
#include "zrms/explain_api.h"

#include "model/near_space.h"
#include "samoza/v1/api.pb.h"
#include "stdx/text.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/topology_codec.h"
#include "zrms/named_topology.h"

namespace zrms {

using stdx::Code;

namespace {

v1::ExplainReply nothing_is_placed(const stdx::Error& why) {
  v1::ExplainReply reply;
  reply.set_detail("nothing is placed now: " + why.message);
  return reply;
}

// Where nobody leads, that is the explanation.
ports::HttpReply explaining_no_leader(ports::HttpReply reply) {
  return [reply = std::move(reply)](ports::HttpResponse response) {
    if (response.status != 503) return reply(std::move(response));
    reply(wire::json_response(nothing_is_placed(wire::error_from_response(response))));
  };
}

}  // namespace

ExplainApi::ExplainApi(ports::Runtime& runtime, const Leadership& leadership, const Leader& leader,
                       LeaderRoutes& routes)
    : runtime_(runtime), leadership_(leadership), leader_(leader), routes_(routes) {
  routes_.add("GET", "/v1/topologies/{id}/explain",
              [this](wire::RouteMatch match, ports::HttpReply answer) {
                const auto reply = explaining_no_leader(std::move(answer));
                if (routes_.forwarded(match.request, reply)) return;
                const auto& id = match.parameters["id"];
                const auto space = match.request.query["space"];
                const auto* row = named_topology(leader_.records(), id);
                if (row == nullptr)
                  return reply(wire::error_response(no_topology(leader_.records(), id)));
                if (!space.empty() && row->index().find(space) < 0)
                  return reply(wire::error_response(
                      {Code::not_found, stdx::format("topology '{}' has no space '{}'{}",
                                                     row->spec().name, stdx::printable(space, 80),
                                                     model::near_space(row->spec(), space))}));
                begin({row->record.id(), space, Candidates(leader_.candidates())}, reply);
              });
  routes_.add("POST", "/v1/explain", [this](wire::RouteMatch match, ports::HttpReply reply) {
    v1::TopologySpec spec;
    auto& request = match.request;
    // Between zhosts as it is in records: reading JSON takes the leader longer.
    const auto read = request.query["encoding"] == "protobuf"
                          ? (spec.ParseFromString(request.body)
                                 ? stdx::Status()
                                 : stdx::fail(Code::invalid, "the body is no topology"))
                          : wire::from_json(request.body, spec);
    if (!read) return reply(wire::error_response(read.error()));
    explain(spec, request.query["space"], std::move(reply));
  });
}

void ExplainApi::explain(const v1::TopologySpec& spec, const std::string& space,
                         ports::HttpReply answer) {
  const auto reply = explaining_no_leader(std::move(answer));
  ports::HttpRequest request;
  request.method = "POST";
  request.path = "/v1/explain";
  request.query = {{"encoding", "protobuf"}, {"space", space}};
  if (!leadership_.leads()) request.body = spec.SerializeAsString();
  if (routes_.forwarded(request, reply)) return;
  auto read = wire::from_wire(spec);
  if (!read) return reply(wire::error_response(read.error()));
  if (const auto findings = model::validate_graph(*read); !findings.empty())
    return reply(wire::error_response({Code::invalid, findings.front()}));
  const auto topology = std::make_shared<const model::Topology>(std::move(*read));
  begin({topology, space, Candidates(leader_.candidates())}, reply);
}

struct ExplainApi::Explaining {
  Explanation explanation;
  ports::HttpReply reply;
};

void ExplainApi::begin(Explanation explanation, ports::HttpReply reply) {
  if (explaining_ >= explaining_max)
    return reply(wire::error_response(
        {Code::full, "several topologies are being explained at the moment; try again"}));
  ++explaining_;
  go_on(std::make_shared<Explaining>(Explaining{std::move(explanation), std::move(reply)}));
}

void ExplainApi::go_on(std::shared_ptr<Explaining> explaining) {
  const bool can = leadership_.leads() && leader_.ready();
  if (can && explaining->explanation.go_on(leader_.records())) {
    runtime_.executor.post([this, explaining, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) go_on(explaining);
    });
    return;
  }
  --explaining_;
  explaining->reply(wire::json_response(can ? explaining->explanation.take()
                                            : nothing_is_placed(leadership_.not_leading())));
}

}  // namespace zrms
