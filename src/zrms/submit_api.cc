// SPDX-License-Identifier: Apache-2.0
#include "zrms/submit_api.h"

#include <map>
#include <utility>
#include <vector>

#include "model/assemble.h"
#include "model/topology_update.h"
#include "samoza/v1/api.pb.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "wire/json_pieces.h"
#include "wire/topology_codec.h"

namespace zrms {

using namespace std::chrono_literals;
using stdx::Code;

namespace {

// Longer than the leader takes at most (submitter.cc).
constexpr stdx::Duration submit_timeout = 45s;
// The JSON of a stand-alone topology of as many spaces and paths.
constexpr std::size_t standalone_bytes_max = 16u << 20;

stdx::Result<model::Topology> asked_from(const v1::StandaloneTopology& message) {
  v1::TopologySpec spec;
  spec.set_name(message.name());
  spec.set_owner(message.owner());
  *spec.mutable_paths() = message.paths();
  for (const auto& space : message.spaces()) {
    auto* out = spec.add_spaces();
    out->set_name(space.name());
    out->set_type(space.type());
    out->set_path(space.path());
    *out->mutable_capabilities() = space.capabilities();
    *out->mutable_config() = space.config();
    out->set_mex_sha256(space.mex_sha256());
  }
  TRY_ASSIGN(auto topology, wire::from_wire(spec));
  for (std::size_t i = 0; i < topology.spaces.size(); ++i)
    topology.spaces[i].mex = message.spaces(static_cast<int>(i)).mex();
  return topology;
}

}  // namespace

SubmitApi::SubmitApi(Parts parts, LeaderRoutes& routes) : parts_(parts) {
  routes.add("POST", "/v1/topologies", [this](wire::RouteMatch match, ports::HttpReply reply) {
    submit(std::move(match.request.body), asked_of(match.request), std::move(reply));
  });
  routes.add("POST", "/v1/blobs", [this](wire::RouteMatch match, ports::HttpReply reply) {
    store_archive(std::move(match.request.body), std::move(reply));
  });
  routes.add(
      "POST", "/v1/topologies/standalone", [this](wire::RouteMatch match, ports::HttpReply reply) {
        submit_standalone(std::move(match.request.body), asked_of(match.request), std::move(reply));
      });
}

void SubmitApi::later(std::function<void()> what) {
  parts_.runtime.executor.post([what = std::move(what), alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) what();
  });
}

// Verified first, then on disk.
void SubmitApi::keep_archive(stdx::Bytes archive, Kept done) {
  if (archive.empty())
    return done(stdx::fail(Code::invalid, "the body is empty; it must be a MEX"), {});
  auto shared = std::make_shared<const stdx::Bytes>(std::move(archive));
  parts_.packages.open(shared, [this, shared, done, alive = std::weak_ptr<bool>(alive_)](
                                   stdx::Result<std::shared_ptr<const ports::Package>> package) {
    if (alive.expired()) return;
    if (!package) return done(std::unexpected(package.error()), {});
    parts_.blobs.keep(*shared, [done, topology = (*package)->topology(),
                                alive](stdx::Result<std::string> sha256) {
      if (!alive.expired()) done(std::move(sha256), topology);
    });
  });
}

void SubmitApi::store_archive(stdx::Bytes archive, ports::HttpReply reply) {
  keep_archive(std::move(archive),
               [reply](stdx::Result<std::string> sha256, const model::Topology& topology) {
                 if (!sha256) return reply(wire::error_response(sha256.error()));
                 v1::BlobStored stored;
                 stored.set_sha256(*sha256);
                 stored.set_name(topology.name);
                 for (const auto& space : topology.spaces) stored.add_spaces(space.name);
                 reply(wire::json_response(stored));
               });
}

SubmitApi::Asked SubmitApi::asked_of(ports::HttpRequest& request) {
  Asked asked{request.query["update"], request.query["dry_run"] == "1", std::nullopt,
              actor_of(request)};
  if (request.query["explain"] == "1") asked.explain = request.query["space"];
  return asked;
}

void SubmitApi::submit(stdx::Bytes archive, Asked asked, ports::HttpReply reply) {
  keep_archive(std::move(archive),
               [this, asked, reply](stdx::Result<std::string> sha256, model::Topology topology) {
                 if (!sha256) return reply(wire::error_response(sha256.error()));
                 v1::SubmitRequest request;
                 request.set_mex_sha256(*sha256);
                 for (auto& space : topology.spaces)
                   if (space.content.empty()) space.content = *sha256;
                 submit_topology(std::move(request), std::move(topology), asked, reply);
               });
}

void SubmitApi::submit_topology(v1::SubmitRequest request, model::Topology topology,
                                const Asked& asked, const ports::HttpReply& reply) {
  if (!asked.update.empty() && topology.name != asked.update)
    return reply(wire::error_response(
        {Code::invalid,
         stdx::format("what is to update topology '{}' is called '{}': an update has the name of "
                      "what it updates",
                      stdx::printable(asked.update, 80), topology.name)}));
  request.set_update(!asked.update.empty());
  request.set_dry_run(asked.dry_run);
  request.set_submitted_by(asked.by);
  model::define(topology);
  const auto defined = std::make_shared<std::pair<v1::SubmitRequest, model::Topology>>(
      std::move(request), std::move(topology));
  later([this, defined, explain = asked.explain, reply] {
    *defined->first.mutable_spec() = wire::to_wire(defined->second);
    if (explain) return parts_.explain.explain(defined->first.spec(), *explain, reply);
    later([this, defined, reply] { submit_spec(std::move(defined->first), reply); });
  });
}

// A large one is read, checked and put together in one task after the other.
struct SubmitApi::Standalone {
  stdx::Bytes json;
  wire::JsonPieces pieces;  // of `json`
  v1::StandaloneTopology message;
  model::Topology topology;
  std::vector<std::string> to_open;  // hashes, the next one last
  std::map<std::string, model::Topology> archives;
  Asked asked;
  ports::HttpReply reply;

  void refuse(Code code, std::string why) const {
    reply(wire::error_response({code, std::move(why)}));
  }
};

void SubmitApi::submit_standalone(stdx::Bytes json, Asked asked, ports::HttpReply reply) {
  auto standalone = std::make_shared<Standalone>();
  standalone->json = std::move(json);
  standalone->asked = std::move(asked);
  standalone->reply = std::move(reply);
  if (standalone->json.size() > standalone_bytes_max)
    return standalone->refuse(Code::invalid,
                              stdx::format("the body has {} bytes; {} are allowed here",
                                           standalone->json.size(), standalone_bytes_max));
  auto pieces = wire::JsonPieces::of(standalone->json, {"spaces", "paths"});
  if (!pieces) return standalone->refuse(pieces.error().code, pieces.error().message);
  standalone->pieces = std::move(*pieces);
  read_next(std::move(standalone));
}

void SubmitApi::read_next(std::shared_ptr<Standalone> standalone) {
  constexpr std::size_t piece_bytes = 128u << 10;
  const auto piece = standalone->pieces.next(piece_bytes);
  if (piece.empty()) return check_graph(std::move(standalone));
  v1::StandaloneTopology part;
  if (const auto read = wire::from_json(piece, part); !read)
    return standalone->refuse(read.error().code, read.error().message);
  standalone->message.MergeFrom(part);
  later([this, standalone] { read_next(standalone); });
}

void SubmitApi::check_graph(std::shared_ptr<Standalone> standalone) {
  auto topology = asked_from(standalone->message);
  if (!topology) return standalone->refuse(topology.error().code, topology.error().message);
  standalone->topology = std::move(*topology);
  later([this, standalone] {
    if (const auto findings = model::validate_graph(standalone->topology); !findings.empty())
      return standalone->refuse(Code::invalid, findings.front());
    find_archives(standalone);
  });
}

void SubmitApi::find_archives(std::shared_ptr<Standalone> standalone) {
  const auto& topology = standalone->topology;
  for (const auto& space : topology.spaces) {
    if (!parts_.blobs.here(space.mex_sha256))
      return standalone->refuse(
          Code::not_found,
          stdx::format("space '{}': {} (mex_sha256 '{}') is not on zhost {}; store it "
                       "there with POST /v1/blobs first",
                       space.name, stdx::printable(space.mex, 200),
                       stdx::printable(space.mex_sha256, 64), parts_.leadership.zhost()));
    standalone->archives[space.mex_sha256];
  }
  if (standalone->archives.size() > model::archives_max)
    return standalone->refuse(
        Code::invalid, stdx::format("topology '{}' names {} MEX; {} are allowed", topology.name,
                                    standalone->archives.size(), model::archives_max));
  for (const auto& [sha256, unknown] : standalone->archives) standalone->to_open.push_back(sha256);
  open_next(std::move(standalone));
}

// One archive after the other: what was verified when it was stored is verified again, since only
// its hash came with the request.
void SubmitApi::open_next(std::shared_ptr<Standalone> standalone) {
  if (standalone->to_open.empty()) return put_together(std::move(standalone));
  const auto sha256 = std::move(standalone->to_open.back());
  standalone->to_open.pop_back();
  const auto alive = std::weak_ptr<bool>(alive_);
  parts_.blob_store.get(
      sha256, [this, standalone, sha256, alive](stdx::Result<stdx::Bytes> archive) {
        if (alive.expired()) return;
        if (!archive) return standalone->reply(wire::error_response(archive.error()));
        parts_.packages.open(std::make_shared<const stdx::Bytes>(std::move(*archive)),
                             [this, standalone, sha256,
                              alive](stdx::Result<std::shared_ptr<const ports::Package>> package) {
                               if (alive.expired()) return;
                               if (!package)
                                 return standalone->reply(wire::error_response(package.error()));
                               standalone->archives[sha256] = (*package)->topology();
                               open_next(standalone);
                             });
      });
}

void SubmitApi::put_together(std::shared_ptr<Standalone> standalone) {
  later([this, standalone] {
    std::vector<std::string> findings;
    standalone->topology = model::assemble(standalone->topology, standalone->archives, findings);
    if (!findings.empty()) return standalone->refuse(Code::invalid, findings.front());
    later([this, standalone] {
      submit_topology({}, std::move(standalone->topology), standalone->asked, standalone->reply);
    });
  });
}

// The archives are on this zhost's disk; the leader takes it from here.
void SubmitApi::submit_spec(v1::SubmitRequest request, ports::HttpReply reply) {
  if (const auto small = check_size(request.spec()); !small)
    return reply(wire::error_response(small.error()));
  request.set_holder(parts_.leadership.zhost());
  const auto answer = [reply](stdx::Result<v1::SubmitReply> submitted) {
    reply(submitted ? wire::json_response(*submitted) : wire::error_response(submitted.error()));
  };
  if (parts_.leadership.leads()) return parts_.submitter.submit(std::move(request), answer);
  const auto leader = parts_.leadership.other_leader();
  if (leader.empty()) return answer(std::unexpected(parts_.leadership.not_leading()));
  // Where the leader did not answer, it may have taken the topology all the same.
  const auto forwarded = [answer, leader](stdx::Result<v1::SubmitReply> submitted) {
    if (!submitted &&
        (submitted.error().code == Code::timeout || submitted.error().code == Code::unknown))
      submitted.error().message = stdx::format(
          "zhost {}, which leads the cluster, did not answer in time, so it is not known whether "
          "this was taken ({}); `topo` and `topo history` show it: try again if it was not",
          leader, submitted.error().message);
    answer(std::move(submitted));
  };
  parts_.zmesh.request(rpc::address(leader, "zrms"), "zrms.submit", request.SerializeAsString(),
                       submit_timeout, rpc::expect<v1::SubmitReply>(forwarded));
}

}  // namespace zrms
