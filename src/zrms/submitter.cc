// SPDX-License-Identifier: Apache-2.0
#include "zrms/submitter.h"

#include <algorithm>
#include <utility>

#include "stdx/encoding.h"
#include "stdx/rfc3339.h"
#include "stdx/text.h"
#include "wire/states.h"
#include "wire/topology_codec.h"
#include "zrms/copy_archives.h"
#include "zrms/replica_plan.h"
#include "zrms/route_clash.h"

namespace zrms {

using namespace std::chrono_literals;
using stdx::Code;

namespace {

// A zrms that takes copies answers this at once; copying itself may take its time.
constexpr stdx::Duration probe_timeout = 2s;
// Within what a forwarded submit waits for (submit_api.cc) and zshell (60 s).
constexpr stdx::Duration spread_max = 40s;

}  // namespace

// The submitter's zhost has the archives; others fetch all of them until min(3, N) have them: those
// are the replicas.
struct Submitter::Spreading {
  ReplicaPlan plan;
  std::vector<std::string> archives, from;
  std::function<void(stdx::Result<Replicas>)> done;
  // The client's deadline passes soon after. A submit whose result the client can no longer receive
  // is not committed.
  stdx::Instant until{};
};

Submitter::Submitter(ports::Runtime& runtime, rpc::ServiceBus& zmesh, const Leadership& leadership,
                     const ClusterManager& cluster, Leader& leader, VersionWriter& versions)
    : runtime_(runtime),
      zmesh_(zmesh),
      leadership_(leadership),
      cluster_(cluster),
      leader_(leader),
      versions_(versions) {
  zmesh_.on("zrms.submit", rpc::typed<v1::SubmitRequest, v1::SubmitReply>(
                               [this](const rpc::Caller&, v1::SubmitRequest request, auto done) {
                                 submit(std::move(request), std::move(done));
                               }));
}

void Submitter::later(std::function<void()> what) {
  runtime_.executor.post([what = std::move(what), alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) what();
  });
}

void Submitter::submit(v1::SubmitRequest request, Submitted done) {
  if (!leadership_.can_answer()) return done(std::unexpected(leadership_.not_leading()));
  if (const auto small = check_size(request.spec()); !small)
    return done(std::unexpected(small.error()));
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

void Submitter::check(const SubmissionPtr& submission) {
  if (const auto findings = model::validate(submission->text->spec); !findings.empty())
    return submission->done(stdx::fail(Code::invalid, findings.front()));
  later([this, submission] {
    if (const auto good = can_run(*submission); !good)
      return submission->done(std::unexpected(good.error()));
    later([this, submission] { begin(submission); });
  });
}

void Submitter::begin(const SubmissionPtr& submission) {
  const auto refuse = [&](stdx::Error why) { submission->done(std::unexpected(std::move(why))); };
  if (!leadership_.can_answer()) return refuse(leadership_.not_leading());
  if (const auto good = may_have_name(*submission); !good) return refuse(good.error());
  if (submission->request.dry_run()) return submission->done(dry_run(*submission));
  const auto spread_to = [this, submission](stdx::Result<Replicas> replicas) {
    if (!replicas) return submission->done(std::unexpected(replicas.error()));
    archives_spread(submission, *replicas);
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
      Spreading{.plan = ReplicaPlan(request.holder(), targets),
                .archives = archives_of(submission->text->spec, request.mex_sha256()),
                .from = {request.holder()},
                .done = spread_to,
                .until = runtime_.clock.now() + spread_max}));
}

void Submitter::archives_spread(const SubmissionPtr& submission, const Replicas& replicas) {
  if (!leadership_.can_answer())
    return submission->done(std::unexpected(leadership_.not_leading()));
  // Another submit may have been quicker while the archives were copied.
  if (const auto good = may_have_name(*submission); !good)
    return submission->done(std::unexpected(good.error()));
  if (leader_.records().by_name(submission->text->spec.name) != nullptr)
    return update(submission, replicas);
  write_topology(submission, replicas);
}

// One that does not answer is passed over after probe_timeout: the operator waits for this.
void Submitter::spread(std::shared_ptr<Spreading> spreading) {
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

stdx::Status Submitter::may_have_name(const Submission& submission) const {
  const auto& spec = submission.text->spec;
  const auto* first = leader_.records().by_name(spec.name);
  if (submission.request.update()) {
    if (first == nullptr)
      return stdx::fail(
          Code::not_found,
          stdx::format("there is no topology '{}' to update; `topo submit` begins one", spec.name));
    TRY(VersionWriter::next_of(submission, leader_.records()));
  } else if (first != nullptr && !is_kept_data(first->spec())) {
    return stdx::fail(Code::already_exists,
                      stdx::format("topology '{}' was submitted already as {} (version {}, it is "
                                   "{}); `topo update {} FILE` brings this as its next version",
                                   spec.name, first->record.id(), first->spec().version,
                                   first->record.state(), spec.name));
  }
  return may_have_routes(leader_.records(), spec);
}

stdx::Status Submitter::can_run(const Submission& submission) const {
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

stdx::Result<v1::SubmitReply> Submitter::dry_run(const Submission& submission) const {
  v1::SubmitReply reply;
  reply.set_name(submission.text->spec.name);
  if (!submission.request.update()) return reply;
  TRY_ASSIGN(const auto next, VersionWriter::next_of(submission, leader_.records()));
  reply.set_version(next.updated.topology.version);
  show_changes(next.updated.changes, reply.mutable_changes());
  return reply;
}

void Submitter::write_topology(const SubmissionPtr& submission, const Replicas& replicas) {
  const auto& request = submission->request;
  const auto& text = submission->text;
  v1::TopologyRecord record;
  record.set_id(stdx::uuid_from(runtime_.random.next(), runtime_.random.next()));
  record.set_desired(v1::DESIRED_RUNNING);
  wire::set_state(record, wire::TopologyState::pending);
  record.set_mex_sha256(request.mex_sha256());
  for (const auto& replica : replicas) record.add_blob_holders(replica);
  record.set_created(stdx::format_rfc3339(runtime_.clock.wall()));
  record.set_updated(record.created());
  *record.add_history() = summary_of(text->spec, record.mex_sha256(), record.created(), "submit",
                                     request.submitted_by());
  v1::SubmitReply reply;
  reply.set_topology_id(record.id());
  reply.set_name(text->spec.name);
  reply.set_state(record.state());
  reply.set_version(1);
  for (const auto& space : text->spec.spaces) reply.add_spaces(space.name);
  // Other submits may have been committed while this one waited for its batch.
  const auto insert = [record, by = request.submitted_by(),
                       text](const Records& records) -> stdx::Result<std::vector<RowChange>> {
    if (const auto* first = records.by_name(text->spec.name))
      return stdx::fail(Code::already_exists,
                        stdx::format("topology '{}' was submitted a moment ago as {}",
                                     text->spec.name, first->record.id()));
    TRY(may_have_routes(records, text->spec));
    auto change = change_of(TopologyRow{}, record, text);
    change.by = by;
    return std::vector{std::move(change)};
  };
  leader_.change(insert, [submission, reply](stdx::Status committed) {
    if (committed)
      submission->done(reply);
    else
      submission->done(std::unexpected(committed.error()));
  });
}

void Submitter::update(const SubmissionPtr& submission, const Replicas& replicas) {
  const auto* row = leader_.records().by_name(submission->text->spec.name);
  versions_.write(
      row->record.id(),
      [submission](const Records& records, const TopologyRow&) {
        return VersionWriter::next_of(*submission, records);
      },
      replicas, submission->done);
}

}  // namespace zrms
