// SPDX-License-Identifier: Apache-2.0
#include "zrms/service.h"

#include <algorithm>
#include <utility>

#include "stdx/rfc3339.h"
#include "stdx/text.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "zrms/reported_archives.h"

namespace zrms {
namespace {

using namespace std::chrono_literals;
using stdx::Code;

constexpr stdx::Duration report_delay = 2ms;
constexpr stdx::Duration report_retry = 250ms;
constexpr stdx::Duration report_timeout = 2s;
constexpr stdx::Duration look_interval = 250ms;

v1::Hello hello_of(const Options& options) {
  v1::Hello hello;
  hello.set_service("zrms");
  hello.set_zhost(options.zhost);
  hello.set_incarnation(options.incarnation);
  hello.set_pid(options.pid);
  hello.set_version(options.version);
  return hello;
}

}  // namespace

Service::Service(ports::Runtime& runtime, ports::Transport& transport,
                 ports::PackageReader& packages, ports::BlobStore& blobs,
                 ports::Resources& resources, Options options)
    : runtime_(runtime),
      blob_store_(blobs),
      resources_(resources),
      options_(std::move(options)),
      zmesh_(runtime, transport, {"zmesh", hello_of(options_)}),
      startz_(runtime, transport, {"startz", hello_of(options_)}),
      cluster_(options_.detection),
      lease_(stdx::format("{}/{}/{}", options_.zhost, options_.incarnation, options_.run),
             options_.lease),
      leadership_(options_.zhost, runtime.clock, lease_, leader_),
      leader_(runtime, zmesh_, cluster_, {.unused_for = options_.archives_unused_for},
              [this] { return leads(); }),
      blobs_(runtime, zmesh_, blobs, options_.zhost, options_.archives_unused_for),
      tick_timer_(runtime.executor),
      report_timer_(runtime.executor),
      routes_(zmesh_, leadership_, leader_),
      topology_views_(leader_, cluster_),
      cluster_views_(runtime.clock, leadership_, leader_, cluster_),
      version_writer_(runtime, leader_),
      submitter_(runtime, zmesh_, leadership_, cluster_, leader_, version_writer_),
      explain_api_(runtime, leadership_, leader_, routes_),
      submit_api_({.runtime = runtime,
                   .zmesh = zmesh_,
                   .packages = packages,
                   .blob_store = blobs,
                   .blobs = blobs_,
                   .leadership = leadership_,
                   .explain = explain_api_,
                   .submitter = submitter_},
                  routes_),
      topology_api_(runtime, leader_, routes_, topology_views_, version_writer_),
      versions_api_(leader_, routes_, version_writer_),
      cluster_api_(zmesh_, leadership_, cluster_, cluster_views_, routes_),
      records_api_(runtime, zmesh_, leadership_, routes_),
      events_api_(zmesh_, leadership_, leader_, routes_),
      tokens_api_(runtime, zmesh_, options_.key, leader_, routes_),
      join_tokens_api_(zmesh_, routes_) {
  leader_.facts.zhost = options_.zhost;
  cluster_.failure_callback = [this](const ClusterManager::Event& event) {
    if (leads()) leader_.zhost_failed(event);
  };
  blobs_.on_stored = [this] { report_soon(); };
  wire_startz();
  wire_cluster();
  wire_archives();
  wire_own_routes();
}

Service::~Service() = default;

void Service::start() {
  zmesh_.start();
  startz_.start();
  tick();
}

// What startz of this zhost tells.
void Service::wire_startz() {
  startz_.on("service.stop", [this](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
    respond(stdx::Bytes());
    if (on_stop) on_stop();
  });
  startz_.on("service.ping", [](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
    respond(stdx::Bytes());
  });
  startz_.on("startz.changed",
             rpc::event<v1::Snapshot>([this](const rpc::Caller&, v1::Snapshot snapshot) {
               snapshot_arrived(snapshot);
             }));
  startz_.on("startz.beat", rpc::event<v1::Beat>([this](const rpc::Caller&, v1::Beat beat) {
               if (beat.cluster_id() != options_.cluster_id) return;
               const bool was_down = cluster_.zrun_down(beat.zhost());
               const bool was_heard = cluster_.heard(beat.zhost());
               if (!cluster_.beat(beat, runtime_.clock.now())) return;
               for (const auto& end : cluster_.take_zrun_ends()) leader_.zrun_ended(end);
               runtime_.log.debug("beat_taken", {{"from", beat.zhost()},
                                                 {"incarnation", beat.incarnation()},
                                                 {"counter", beat.counter()}});
               // Placing may have waited for this word.
               if (leads() && !was_heard) leader_.look();
               if (leads() && cluster_.zrun_down(beat.zhost()) != was_down) {
                 runtime_.log.warn(was_down ? "zrun_up_again" : "zrun_reported_down",
                                   {{"on", beat.zhost()}});
                 leader_.look();
               }
             }));
  startz_.on("startz.refused",
             rpc::event<v1::Refused>([this](const rpc::Caller&, v1::Refused word) {
               cluster_.refused(word.zhost(), word.incarnation(), runtime_.clock.now());
             }));
  startz_.on_state = [this](bool connected) {
    if (connected) report_soon();
  };
}

// What other zhosts tell and ask the leader.
void Service::wire_cluster() {
  zmesh_.on_state = [this](bool connected) { leadership_.set_zmesh_away(!connected); };
  zmesh_.on("zmesh.membership",
            rpc::event<v1::MembersChanged>([this](const rpc::Caller&, v1::MembersChanged members) {
              membership(std::move(members));
            }));
  zmesh_.on("zrms.resource_report",
            rpc::typed<v1::ResourceReport, v1::ResourceReportReply>(
                [this](const rpc::Caller& caller, v1::ResourceReport r, auto done) {
                  // A zhost reports on itself only.
                  if (caller.from.zhost() != r.zhost())
                    return done(stdx::fail(Code::denied, "a report on another zhost"));
                  if (cluster_.report(r, runtime_.clock.now()) && leads()) leader_.look();
                  v1::ResourceReportReply reply;
                  reply.set_whole_wanted(cluster_.whole_wanted(r.zhost()));
                  done(std::move(reply));
                }));
  zmesh_.on("zrms.directory_wanted",
            [this](const rpc::Caller& caller, stdx::BytesView, rpc::Response respond) {
              if (leads()) leader_.directory_wanted(caller.from.zhost());
              respond(stdx::Bytes());
            });
}

void Service::wire_archives() {
  zmesh_.on("zrms.ping", [](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
    respond(stdx::Bytes());
  });
  zmesh_.on("zrms.blob_read", rpc::typed<v1::BlobReadRequest, v1::BlobReadReply>(
                                  [this](const rpc::Caller&, v1::BlobReadRequest request,
                                         auto done) { blobs_.read(request, std::move(done)); }));
  zmesh_.on(
      "zrms.blob_fetch", [this](const rpc::Caller&, stdx::BytesView body, rpc::Response respond) {
        auto request = wire::parse<v1::BlobFetchRequest>(body);
        if (!request) return respond(std::unexpected(request.error()));
        blobs_.fetch(request->sha256(), {request->holders().begin(), request->holders().end()},
                     [respond](stdx::Status fetched) {
                       if (fetched)
                         respond(stdx::Bytes());
                       else
                         respond(std::unexpected(fetched.error()));
                     });
      });
  zmesh_.on("zrms.blob_drop",
            rpc::typed<v1::BlobDropRequest, v1::BlobDropReply>(
                [this](const rpc::Caller& caller, v1::BlobDropRequest request, auto done) {
                  // A former leader knows of no topology that was submitted since.
                  if (caller.from.zhost() != leadership_.members().leader() ||
                      request.term() < leadership_.members().term())
                    return done(stdx::fail(Code::stale, "another zhost leads"));
                  v1::BlobDropReply reply;
                  for (auto& gone : blobs_.drop({request.sha256().begin(), request.sha256().end()}))
                    reply.add_removed(std::move(gone));
                  if (reply.removed_size() > 0) report_soon();
                  done(std::move(reply));
                }));
}

// --- membership and reports ---

void Service::membership(v1::MembersChanged members) {
  const bool new_leader = members.leader() != leadership_.members().leader() ||
                          members.term() != leadership_.members().term();
  members = leadership_.set_members(std::move(members));  // now those of before
  lease_.set_candidate(leadership_.is_super());
  leader_.facts.members.assign(leadership_.members().peers().begin(),
                               leadership_.members().peers().end());
  for (const auto& member : leadership_.members().peers())
    cluster_.expect(member.zhost_id(), member.incarnation(), runtime_.clock.now());
  for (const auto& member : leadership_.members().peers()) note_member(member, members);
  for (const auto& former : members.peers()) {
    const bool still = std::any_of(
        leadership_.members().peers().begin(), leadership_.members().peers().end(),
        [&](const v1::Member& member) { return member.zhost_id() == former.zhost_id(); });
    if (still) continue;
    cluster_.forget(former.zhost_id());
    leader_.zhost_forgotten(former.zhost_id());
  }
  if (new_leader) {
    local_.send_whole();
    report_soon();
  }
  if (leads()) leader_.look();
}

void Service::note_member(const v1::Member& member, const v1::MembersChanged& before) {
  if (!leads() || before.peers_size() == 0) return;  // the first word of who there is
  const auto known =
      std::find_if(before.peers().begin(), before.peers().end(),
                   [&](const v1::Member& other) { return other.zhost_id() == member.zhost_id(); });
  if (known == before.peers().end())
    leader_.events().note_zhost("joined", member.zhost_id(), member.address());
  else if (known->incarnation() < member.incarnation())
    leader_.events().note_zhost("joined", member.zhost_id(), "it was started anew");
}

void Service::report_soon() {
  if (!report_timer_.pending()) report_timer_.set(report_delay, [this] { report(); });
}

// A fresh word of startz, and of its spaces if something of them is not known here.
void Service::report() {
  if (asking_startz_) return;
  asking_startz_ = true;
  v1::SnapshotRequest request;
  request.set_children_only(local_.knows_all());
  startz_.request(rpc::address("", "startz"), "startz.snapshot", request.SerializeAsString(), 1s,
                  rpc::expect<v1::Snapshot>([this](stdx::Result<v1::Snapshot> snapshot) {
                    asking_startz_ = false;
                    if (!snapshot) return;
                    local_.archives(blob_store_.list());
                    snapshot_arrived(*snapshot);
                  }));
}

void Service::snapshot_arrived(const v1::Snapshot& snapshot) {
  if (!local_.take(snapshot)) return report_soon();
  send_report();
}

void Service::send_report() {
  // To the holder of the term; before there is one, to the first of the list (R-DEC-3).
  std::string to = leadership_.members().leader();
  if (to.empty() && leadership_.members().supers_size() > 0) to = leadership_.members().supers(0);
  local_.send_to(to);
  auto report = local_.next();
  if (!report) return;
  last_report_ = runtime_.clock.now();
  const auto sample = resources_.sample();
  report->set_zhost(options_.zhost);
  report->set_cpu_used(sample.cpu_used_cores);
  report->set_memory_used_bytes(sample.memory_used_bytes);
  report->set_memory_total_bytes(sample.memory_total_bytes);
  report->set_disk_used_bytes(sample.disk_used_bytes);
  report->set_disk_total_bytes(sample.disk_total_bytes);
  if (to == options_.zhost) {
    if (cluster_.report(*report, runtime_.clock.now()) && leads()) leader_.look();
    return report_answered(cluster_.whole_wanted(to) ? LocalReport::Answer::whole_wanted
                                                     : LocalReport::Answer::taken);
  }
  zmesh_.request(
      rpc::address(to, "zrms"), "zrms.resource_report", report->SerializeAsString(), report_timeout,
      rpc::expect<v1::ResourceReportReply>([this, to](stdx::Result<v1::ResourceReportReply> reply) {
        if (to != local_.to()) return;
        report_answered(!reply                  ? LocalReport::Answer::lost
                        : reply->whole_wanted() ? LocalReport::Answer::whole_wanted
                                                : LocalReport::Answer::taken);
      }));
}

void Service::report_answered(LocalReport::Answer answer) {
  local_.answered(answer);
  if (answer == LocalReport::Answer::taken) return send_report();  // what changed meanwhile
  // The whole, with a counter of its own. One that is not reached is not asked all the time.
  if (!report_timer_.pending())
    report_timer_.set(answer == LocalReport::Answer::lost ? report_retry : report_delay,
                      [this] { report(); });
}

// --- leading ---

void Service::tick() {
  const auto now = runtime_.clock.now();
  if (now - last_report_ >= options_.report_interval) {
    last_report_ = now;
    report();
  }
  if (const auto ask = lease_.next(now)) ask_control_plane(*ask);
  follow_lease();
  leadership_.note_time();
  // R-FAIL-3 is about judging only: the lease needs its own, finer step (profile `seed`: 5 s).
  const bool judge = now - last_check_ >= options_.check_interval;
  if (judge) last_check_ = now;
  if (judge && leads()) probe_silent(now);
  for (const auto& event : judge ? cluster_.check(now) : std::vector<ClusterManager::Event>{}) {
    if (!leads()) continue;
    if (event.kind == ClusterManager::Event::Kind::suspect)
      runtime_.log.warn("zhost_suspect",
                        {{"suspect", event.zhost}, {"silence_ms", stdx::to_ms(event.silence)}});
    if (event.kind == ClusterManager::Event::Kind::suspect)
      leader_.events().note_zhost("suspect", event.zhost,
                                  stdx::format("silent for {} ms", stdx::to_ms(event.silence)));
    if (event.kind == ClusterManager::Event::Kind::alive) {
      runtime_.log.info("zhost_alive", {{"alive", event.zhost}});
      leader_.zhost_returned(event.zhost);
    }
    leader_.look();
  }
  if (judge) watch_brake(now);
  if (now - last_look_ >= look_interval) {
    last_look_ = now;
    if (leads()) leader_.look();
  }
  tick_timer_.set(std::min<stdx::Duration>(options_.check_interval, 50ms), [this] { tick(); });
}

// A zhost that missed beats may be gone with its kernel alive: then a probe is refused, and nobody
// has to wait for its silence to grow old. Those of the supers list get beats anyway.
void Service::probe_silent(stdx::Instant now) {
  if (options_.probe_after <= stdx::Duration::zero()) return;
  for (const auto& zhost : cluster_.silent(now, options_.probe_after)) {
    v1::Probe probe;
    probe.set_zhost(zhost);
    startz_.notify(rpc::address("", "startz"), "startz.probe", probe.SerializeAsString());
  }
}

void Service::ask_control_plane(LeaderLease::Ask ask) {
  const auto answered = [this, asked = zmesh_.connected()](stdx::Result<v1::TermRow> row) {
    const auto now = runtime_.clock.now();
    // A zmesh of this zhost that is away tells nothing of the control plane, also where it has come
    // back before that answer is read.
    if (row || row.error().code == Code::conflict)
      leadership_.set_control_plane_trouble("");
    else if (asked && zmesh_.connected())
      leadership_.set_control_plane_trouble(row.error().message);
    watch_records();
    if (row)
      lease_.answered(TermSeen{row->term(), row->holder(), row->version()}, now);
    else
      lease_.answered(std::unexpected(row.error()), now);
    follow_lease();
  };
  if (ask.is_read) {
    zmesh_.request(rpc::address("", "controlplane"), "controlplane.read_term",
                   v1::ReadTermRequest().SerializeAsString(), 1s,
                   rpc::expect<v1::TermRow>(answered));
    return;
  }
  v1::CasTermRequest request;
  request.set_expected_version(ask.expected_version);
  request.set_next_term(ask.term);
  *request.mutable_known() = leader_.known();
  request.set_next_holder(
      stdx::format("{}/{}/{}", options_.zhost, options_.incarnation, options_.run));
  zmesh_.request(rpc::address("", "controlplane"), "controlplane.cas_term",
                 request.SerializeAsString(), 1s, rpc::expect<v1::TermRow>(answered));
}

void Service::follow_lease() {
  const bool leading = leads();
  if (leading && lease_.session() != followed_session_) {
    followed_session_ = lease_.session();
    runtime_.log.info("term_taken", {{"term", lease_.term()}});
    // P5: everybody gets one full timeout from here.
    cluster_.take_over(runtime_.clock.now());
    leader_.begin(lease_.term());
    if (!behind_since_.empty())
      leader_.events().records_were_behind(std::exchange(behind_since_, ""), behind_why_);
    local_.send_whole();
    report_soon();
  }
  if (led_ && !leading) {
    runtime_.log.warn("term_lost", {{"term", lease_.term()}});
    leader_.end();
  }
  led_ = leading;
}

// Nobody can write that the records are behind while they are: the next leader here does.
void Service::watch_records() {
  if (!leadership_.records_behind() || !behind_since_.empty()) return;
  behind_since_ = stdx::format_rfc3339_ms(runtime_.clock.wall());
  behind_why_ = leadership_.control_plane_trouble();
}

void Service::watch_brake(stdx::Instant now) {
  const bool braking = leads() && cluster_.braking(now);
  if (std::exchange(brake_noted_, braking) == braking || !leads()) return;
  v1::Event event;
  event.set_what(braking ? "brake on" : "brake off");
  event.set_why(braking ? "more than half of the zhosts look dead: none of them is given up"
                        : "zhosts that stay silent are given up");
  leader_.events().note(std::move(event));
}

void Service::wire_own_routes() {
  routes_.add("GET", "/v1/status", [this](wire::RouteMatch, ports::HttpReply reply) {
    reply(wire::json_response(cluster_views_.status(options_.version, zmesh_.connected())));
  });
  routes_.add("GET", "/healthz", [this](wire::RouteMatch, ports::HttpReply reply) {
    if (zmesh_.connected() && startz_.connected())
      return reply(wire::json_response(R"({"status":"ok"})"));
    reply(wire::error_response({Code::unavailable, zmesh_.connected()
                                                       ? "startz is away; start the zhost again"
                                                       : "zmesh is away; startz starts it again"}));
  });
}

void Service::handle(ports::HttpRequest request, ports::HttpReply reply) {
  routes_.route(std::move(request), std::move(reply));
}

}  // namespace zrms
