// SPDX-License-Identifier: Apache-2.0
// Submitting: a MEX that holds a whole topology, or a stand-alone topology whose MEX were stored
// before (R-DEC-10). Either way each archive is verified here, kept on this zhost's disk, and the
// leader has it copied before the topology's row is written.
#include <algorithm>

#include "model/assemble.h"
#include "model/topology_update.h"
#include "stdx/encoding.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "wire/topology_codec.h"
#include "zrms/archive_spread.h"
#include "zrms/copy_archives.h"
#include "zrms/route_clash.h"
#include "zrms/service.h"
#include "zrms/submission.h"

namespace zrms {

using namespace std::chrono_literals;
using stdx::Code;

namespace {

// A zrms that takes copies answers this at once; copying itself may take its time.
constexpr stdx::Duration probe_timeout = 2s;
// Its record is one value of the store (ports/store.h), with what the leader notes beside it; and
// each batch of places carries it: room for model::spaces_max spaces with a path each.
constexpr std::size_t spec_bytes_max = 2816u << 10;
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

// Before it is sent anywhere: a frame would not take it either, and say less.
stdx::Status fits(const v1::TopologySpec& spec) {
  const auto bytes = spec.ByteSizeLong();
  if (bytes <= spec_bytes_max) return {};
  const auto& spaces = spec.spaces();
  const auto largest = std::max_element(spaces.begin(), spaces.end(), [](auto& a, auto& b) {
    return a.ByteSizeLong() < b.ByteSizeLong();
  });
  return stdx::fail(
      Code::invalid,
      stdx::format(
          "topology '{}' takes {} bytes without its modules; {} are allowed. Most of it, {} "
          "bytes, is the configuration of space '{}': put large config into files of the MEX",
          spec.name(), bytes, spec_bytes_max, largest == spaces.end() ? 0 : largest->ByteSizeLong(),
          largest == spaces.end() ? "" : largest->name()));
}

}  // namespace

// Verified first, then on disk.
void Service::keep_archive(stdx::Bytes archive, Kept done) {
  if (archive.empty())
    return done(stdx::fail(Code::invalid, "the body is empty; it must be a MEX"), {});
  auto shared = std::make_shared<const stdx::Bytes>(std::move(archive));
  packages_.open(shared, [this, shared, done, alive = std::weak_ptr<bool>(alive_)](
                             stdx::Result<std::shared_ptr<const ports::Package>> package) {
    if (alive.expired()) return;
    if (!package) return done(std::unexpected(package.error()), {});
    blobs_.keep(*shared,
                [done, topology = (*package)->topology(), alive](stdx::Result<std::string> sha256) {
                  if (!alive.expired()) done(std::move(sha256), topology);
                });
  });
}

void Service::store_archive(stdx::Bytes archive, ports::HttpReply reply) {
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

Service::UpdateAsked Service::update_asked(ports::HttpRequest& request) {
  UpdateAsked asked{request.query["update"], request.query["dry_run"] == "1", std::nullopt};
  if (request.query["explain"] == "1") asked.explain = request.query["space"];
  return asked;
}

void Service::submit(stdx::Bytes archive, UpdateAsked asked, ports::HttpReply reply) {
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

void Service::submit_topology(v1::SubmitRequest request, model::Topology topology,
                              const UpdateAsked& asked, const ports::HttpReply& reply) {
  if (!asked.name.empty() && topology.name != asked.name)
    return reply(wire::error_response(
        {Code::invalid,
         stdx::format("what is to update topology '{}' is called '{}': an update has the name of "
                      "what it updates",
                      stdx::printable(asked.name, 80), topology.name)}));
  request.set_update(!asked.name.empty());
  request.set_dry_run(asked.dry_run);
  model::define(topology);
  const auto defined = std::make_shared<std::pair<v1::SubmitRequest, model::Topology>>(
      std::move(request), std::move(topology));
  later([this, defined, explain = asked.explain, reply] {
    *defined->first.mutable_spec() = wire::to_wire(defined->second);
    if (explain) return explain_spec(defined->first.spec(), *explain, reply);
    later([this, defined, reply] { submit_spec(std::move(defined->first), reply); });
  });
}

// --- a stand-alone topology ---

struct Service::Standalone {
  model::Topology asked;
  std::vector<std::string> to_open;  // hashes, the next one last
  std::map<std::string, model::Topology> archives;
  UpdateAsked update;
  ports::HttpReply reply;
};

void Service::submit_standalone(const stdx::Bytes& json, UpdateAsked update,
                                ports::HttpReply reply) {
  const auto refuse = [&](Code code, std::string why) {
    reply(wire::error_response({code, std::move(why)}));
  };
  if (json.size() > standalone_bytes_max)
    return refuse(Code::invalid, stdx::format("the body has {} bytes; {} are allowed here",
                                              json.size(), standalone_bytes_max));
  v1::StandaloneTopology message;
  if (const auto read = wire::from_json(json, message); !read)
    return refuse(read.error().code, read.error().message);
  auto asked = asked_from(message);
  if (!asked) return refuse(asked.error().code, asked.error().message);
  if (const auto findings = model::validate_graph(*asked); !findings.empty())
    return refuse(Code::invalid, findings.front());
  auto standalone = std::make_shared<Standalone>();
  for (const auto& space : asked->spaces) {
    if (!blobs_.here(space.mex_sha256))
      return refuse(Code::not_found,
                    stdx::format("space '{}': {} (mex_sha256 '{}') is not on zhost {}; store it "
                                 "there with POST /v1/blobs first",
                                 space.name, stdx::printable(space.mex, 200),
                                 stdx::printable(space.mex_sha256, 64), options_.zhost));
    standalone->archives[space.mex_sha256];
  }
  if (standalone->archives.size() > model::archives_max)
    return refuse(Code::invalid,
                  stdx::format("topology '{}' names {} MEX; {} are allowed", asked->name,
                               standalone->archives.size(), model::archives_max));
  for (const auto& [sha256, unknown] : standalone->archives) standalone->to_open.push_back(sha256);
  standalone->asked = std::move(*asked);
  standalone->update = std::move(update);
  standalone->reply = std::move(reply);
  open_next(std::move(standalone));
}

// One archive after the other: what was verified when it was stored is verified again, since only
// its hash came with the request.
void Service::open_next(std::shared_ptr<Standalone> standalone) {
  if (standalone->to_open.empty()) {
    std::vector<std::string> findings;
    auto whole = model::assemble(standalone->asked, standalone->archives, findings);
    if (!findings.empty())
      return standalone->reply(wire::error_response({Code::invalid, findings.front()}));
    return submit_topology({}, std::move(whole), standalone->update, standalone->reply);
  }
  const auto sha256 = std::move(standalone->to_open.back());
  standalone->to_open.pop_back();
  const auto alive = std::weak_ptr<bool>(alive_);
  blob_store_.get(sha256, [this, standalone, sha256, alive](stdx::Result<stdx::Bytes> archive) {
    if (alive.expired()) return;
    if (!archive) return standalone->reply(wire::error_response(archive.error()));
    packages_.open(std::make_shared<const stdx::Bytes>(std::move(*archive)),
                   [this, standalone, sha256,
                    alive](stdx::Result<std::shared_ptr<const ports::Package>> package) {
                     if (alive.expired()) return;
                     if (!package) return standalone->reply(wire::error_response(package.error()));
                     standalone->archives[sha256] = (*package)->topology();
                     open_next(standalone);
                   });
  });
}

// --- at the leader ---

// The archives are on this zhost's disk; the leader takes it from here.
void Service::submit_spec(v1::SubmitRequest request, ports::HttpReply reply) {
  if (const auto small = fits(request.spec()); !small)
    return reply(wire::error_response(small.error()));
  request.set_holder(options_.zhost);
  const auto answer = [reply](stdx::Result<v1::SubmitReply> submitted) {
    reply(submitted ? wire::json_response(*submitted) : wire::error_response(submitted.error()));
  };
  if (leads()) return submit_here(std::move(request), answer);
  if (members_.leader().empty() || members_.leader() == options_.zhost)
    return answer(std::unexpected(not_leading()));
  zmesh_.request(rpc::address(members_.leader(), "zrms"), "zrms.submit",
                 request.SerializeAsString(), 45s, rpc::expect<v1::SubmitReply>(answer));
}

// Within what a forwarded submit waits for (45 s) and zshell (60 s).
constexpr stdx::Duration spread_max = 40s;

// The submitter has the archives; others fetch all of them until min(3, N) have: those are the
// holders.
struct Service::Spreading {
  ArchiveSpread plan;
  std::vector<std::string> archives, from;
  std::function<void(stdx::Result<std::vector<std::string>>)> done;
  stdx::Instant until{};  // who asked does not wait longer: what he does not hear of must not be
};

// One that does not answer is passed over after probe_timeout: the operator waits for this.
void Service::spread(std::shared_ptr<Spreading> spreading) {
  if (runtime_.clock.now() > spreading->until)
    return spreading->done(
        stdx::fail(Code::unavailable,
                   "copying the archives took too long; `cluster zhosts` shows which zhost "
                   "is slow; nothing was submitted, try again"));
  if (spreading->plan.done()) return spreading->done(spreading->plan.outcome());
  const auto alive = std::weak_ptr<bool>(alive_);
  for (const auto& target : spreading->plan.next()) {
    const auto answered = [this, spreading, target, alive](stdx::Status copied) {
      if (alive.expired()) return;
      spreading->plan.answered(target, copied);
      spread(spreading);
    };
    zmesh_.request(rpc::address(target, "zrms"), "zrms.ping", {}, probe_timeout,
                   [this, spreading, target, answered, alive](stdx::Result<stdx::Bytes> there) {
                     if (alive.expired()) return;
                     if (!there) return answered(std::unexpected(there.error()));
                     copy_archives(zmesh_, target, spreading->archives, spreading->from, answered);
                   });
  }
}

void Service::later(std::function<void()> what) {
  runtime_.executor.post([what = std::move(what), alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) what();
  });
}

void Service::submit_here(v1::SubmitRequest request, Submitted done) {
  if (!leads() || !leader_.ready()) return done(std::unexpected(not_leading()));
  if (const auto small = fits(request.spec()); !small) return done(std::unexpected(small.error()));
  auto spec = wire::from_wire(request.spec());
  if (!spec) return done(std::unexpected(spec.error()));
  auto submission =
      std::make_shared<Submission>(Submission{std::move(request), nullptr, std::move(done)});
  later([this, submission, spec = std::make_shared<model::Topology>(std::move(*spec))] {
    submission->text = text_of(std::move(*spec), submission->request.spec().SerializeAsString());
    submission->request.clear_spec();
    later([this, submission] { check(submission); });
  });
}

void Service::check(const SubmissionPtr& submission) {
  if (const auto findings = model::validate(submission->text->spec); !findings.empty())
    return submission->done(stdx::fail(Code::invalid, findings.front()));
  later([this, submission] {
    if (const auto good = can_run(*submission); !good)
      return submission->done(std::unexpected(good.error()));
    later([this, submission] { begin(submission); });
  });
}

void Service::begin(const SubmissionPtr& submission) {
  const auto refuse = [&](stdx::Error why) { submission->done(std::unexpected(std::move(why))); };
  if (!leads() || !leader_.ready()) return refuse(not_leading());
  if (const auto good = may_have_name(*submission); !good) return refuse(good.error());
  if (submission->request.dry_run()) return submission->done(dry_run(*submission));
  const auto write = [this, submission](stdx::Result<Holders> holders) {
    if (!holders) return submission->done(std::unexpected(holders.error()));
    if (!leads() || !leader_.ready()) return submission->done(std::unexpected(not_leading()));
    // Another submit may have been quicker while the archive was spread.
    if (const auto good = may_have_name(*submission); !good)
      return submission->done(std::unexpected(good.error()));
    if (leader_.records().by_name(submission->text->spec.name) != nullptr)
      return update_here(submission, *holders);
    write_topology(submission, *holders);
  };
  // Those that were heard come first; one that may live owes a copy as well.
  std::vector<std::string> targets, others;
  for (const auto& candidate : leader_.candidates()) {
    const auto life = cluster_.life(candidate.zhost);
    if (life == ClusterManager::Life::dead) continue;
    (candidate.available ? targets : others).push_back(candidate.zhost);
  }
  targets.insert(targets.end(), others.begin(), others.end());
  const auto& request = submission->request;
  spread(std::make_shared<Spreading>(
      Spreading{.plan = ArchiveSpread(request.holder(), targets),
                .archives = archives_of(submission->text->spec, request.mex_sha256()),
                .from = {request.holder()},
                .done = write,
                .until = runtime_.clock.now() + spread_max}));
}

// Whether it may be the topology of its name.
stdx::Status Service::may_have_name(const Submission& submission) const {
  const auto& spec = submission.text->spec;
  const auto* first = leader_.records().by_name(spec.name);
  if (submission.request.update()) {
    if (first == nullptr)
      return stdx::fail(
          Code::not_found,
          stdx::format("there is no topology '{}' to update; `topo submit` begins one", spec.name));
    TRY(next_of(submission, leader_.records()));
  } else if (first != nullptr && !is_kept_data(first->spec())) {
    return stdx::fail(Code::already_exists,
                      stdx::format("topology '{}' was submitted already as {} (version {}, it is "
                                   "{}); `topo update {} FILE` brings this as its next version",
                                   spec.name, first->record.id(), first->spec().version,
                                   first->record.state(), spec.name));
  }
  return may_have_routes(leader_.records(), spec);
}

stdx::Status Service::can_run(const Submission& submission) const {
  const auto& spec = submission.text->spec;
  for (const auto& space : spec.spaces)
    if (space.store == model::StoreKind::cluster)
      return stdx::fail(
          Code::unsupported,
          stdx::format("space '{}': store 'cluster' is not built yet; use local", space.name));
  const Candidates candidates(leader_.candidates());
  // An update needs room for what is new; most of it has its place already.
  if (auto why = no_room_for(spec, candidates.list()); !why.empty() && !submission.request.update())
    return stdx::fail(Code::full, std::move(why));
  const auto ever = candidates.ever();
  for (std::uint32_t i = 0; i < spec.spaces.size(); ++i) {
    const auto choice = ever.choose({.topology = spec,
                                     .index = submission.text->index,
                                     .space = i,
                                     .where = {},
                                     .only_on = "",
                                     .avoid = ""});
    if (!choice.zhost)
      return stdx::fail(
          Code::invalid,
          stdx::format("space '{}' can run on no zhost: {}. This is the first rule "
                       "that each zhost breaks; `topo explain FILE` names all of "
                       "them, for every space",
                       spec.spaces[i].name, fmt::format("{}", fmt::join(choice.refusals, "; "))));
  }
  return {};
}

void Service::write_topology(const SubmissionPtr& submission, const Holders& holders) {
  const auto& request = submission->request;
  const auto& text = submission->text;
  v1::TopologyRecord record;
  record.set_id(stdx::uuid_from(runtime_.random.next(), runtime_.random.next()));
  record.set_desired(v1::DESIRED_RUNNING);
  record.set_state("pending");
  record.set_mex_sha256(request.mex_sha256());
  for (const auto& holder : holders) record.add_blob_holders(holder);
  record.set_created(stdx::format_rfc3339(runtime_.clock.wall()));
  record.set_updated(record.created());
  *record.add_history() = summary_of(text->spec, record.mex_sha256(), record.created(), "submit",
                                     request.submitted_by());
  v1::SubmitReply reply;
  reply.set_topology_id(record.id());
  reply.set_name(text->spec.name);
  reply.set_state("pending");
  reply.set_version(1);
  for (const auto& space : text->spec.spaces) reply.add_spaces(space.name);
  // Other submits may have been committed while this one waited for its batch.
  const auto insert = [record,
                       text](const Records& records) -> stdx::Result<std::vector<RowChange>> {
    if (const auto* first = records.by_name(text->spec.name))
      return stdx::fail(Code::already_exists,
                        stdx::format("topology '{}' was submitted a moment ago as {}",
                                     text->spec.name, first->record.id()));
    TRY(may_have_routes(records, text->spec));
    return std::vector{change_of(TopologyRow{}, record, text)};
  };
  leader_.change(insert, [submission, reply](stdx::Status committed) {
    if (committed)
      submission->done(reply);
    else
      submission->done(std::unexpected(committed.error()));
  });
}

}  // namespace zrms
