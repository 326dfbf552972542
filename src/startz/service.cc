// SPDX-License-Identifier: Apache-2.0
#include "startz/service.h"

#include "startz/holdings.h"
#include "stdx/plant.h"
#include "stdx/text.h"
#include "wire/frame.h"
#include "wire/states.h"

namespace startz {
namespace {

using namespace std::chrono_literals;
using stdx::Code;

// With floors_max floors and reports a snapshot still fits a frame.
constexpr std::size_t details_bytes_max = 512u << 10;
constexpr stdx::Duration change_delay = 2ms;

v1::Hello hello_of(const Options& options) {
  v1::Hello hello;
  hello.set_service("startz");
  hello.set_zhost(options.zhost);
  hello.set_incarnation(options.incarnation);
  hello.set_version(options.version);
  return hello;
}

}  // namespace

Service::Service(ports::Runtime& runtime, ports::Transport& transport, ports::Processes& processes,
                 ports::ClusterKey& key, Options options)
    : runtime_(runtime),
      options_(std::move(options)),
      hub_(runtime, transport, {"startz", options_.zhost}),
      zmesh_(runtime, transport, {"zmesh", hello_of(options_)}),
      children_(runtime, processes, options_.children),
      gatekeeper_(options_.zhost, options_.incarnation, options_.spaces_max),
      records_(options_.records),
      revoked_(options_.revoked),
      beats_(runtime, transport, key, membership_,
             {options_.cluster_id, options_.zhost, options_.beats, options_.beat_interval}),
      zrun_commands_(runtime, hub_, children_, gatekeeper_),
      grace_timer_(runtime.executor),
      ping_timer_(runtime.executor),
      keep_timer_(runtime.executor),
      change_timer_(runtime.executor) {
  wire_beats();
  wire_handlers();
  wire_commands(hub_.endpoint());
  wire_commands(zmesh_.endpoint());
  wire_records(hub_.endpoint());
  wire_records(zmesh_.endpoint());
}

Service::~Service() = default;

stdx::Status Service::start() {
  TRY(hub_.start());
  TRY(beats_.bind());
  children_.start();
  zmesh_.start();
  beats_.begin();
  ping_timer_.set(options_.ping_interval, [this] { ping_children(); });
  return {};
}

void Service::stop(std::function<void()> done) {
  ping_timer_.cancel();
  grace_timer_.cancel();
  stopping_ = true;
  children_.stop([this, done = std::move(done)] {
    // Only now is nothing of this zhost left.
    beats_.say_goodbye();
    done();
  });
}

void Service::wire_beats() {
  const auto tell_zrms = [this](const char* method, const stdx::Bytes& body) {
    if (hub_.has("zrms")) hub_.endpoint().notify(rpc::address("", "zrms"), method, body);
  };
  beats_.make = [this](bool goodbye) { return make_beat(goodbye); };
  beats_.on_beat = [tell_zrms](const stdx::Bytes& beat) { tell_zrms("startz.beat", beat); };
  beats_.ask_over_mesh = [this](const std::string& zhost, Beats::BeatReply done) {
    zmesh_.request(rpc::address(zhost, "startz"), "startz.beat_wanted", "", 2s,
                   rpc::expect<v1::Beat>(std::move(done)));
  };
  // Of another zhost, whose zmesh has checked who asks.
  zmesh_.on("startz.beat_wanted",
            [this](const rpc::Caller& caller, stdx::BytesView, rpc::Response respond) {
              if (caller.from.service() != "startz")
                return respond(stdx::fail(Code::denied, "startz asks for it"));
              respond(make_beat(false).SerializeAsString());
            });
  beats_.on_refused = [tell_zrms](const v1::Refused& word) {
    tell_zrms("startz.refused", word.SerializeAsString());
  };
}

void Service::wire_handlers() {
  children_.on_started = [this](const Children::Child& child) { child_started(child); };
  children_.on_exit = [this](const Children::Child& child, ports::ProcessExit) {
    child_ended(child);
  };
  children_.ask_to_stop = [this](const std::string& name) {
    hub_.endpoint().request(rpc::address("", name), "service.stop", "", 2s,
                            rpc::expect<v1::StopReply>([this, name](auto reply) {
                              if (reply)
                                children_.grant_time(name,
                                                     std::chrono::milliseconds(reply->wait_ms()));
                            }));
  };
  zrun_commands_.on_refused = [this](const Gatekeeper::Key& key) { changed(key); };
  hub_.on_service = [this](const v1::Hello& hello, bool connected) {
    if (!connected) return;
    pings_missed_[hello.service()] = 0;
    if (hello.service() == "zrun") zrun_connected();
    if (hello.service() == "zrms") changed_all();
    look_ready();
  };
  auto& endpoint = hub_.endpoint();
  endpoint.on("zmesh.membership", rpc::event<v1::MembersChanged>(
                                      [this](const rpc::Caller& caller, v1::MembersChanged now) {
                                        if (caller.from.service() == "zmesh")
                                          membership(std::move(now));
                                      }));
  zmesh_.on("zmesh.membership",
            rpc::event<v1::MembersChanged>([this](const rpc::Caller&, v1::MembersChanged now) {
              membership(std::move(now));
            }));
  endpoint.on("startz.metrics", [this](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
    respond(options_.metrics_text ? options_.metrics_text() : "");
  });
  endpoint.on("startz.probe",
              rpc::event<v1::Probe>([this](const rpc::Caller& caller, v1::Probe asked) {
                if (caller.from.service() == "zrms") beats_.probe(asked.zhost());
              }));
  endpoint.on("startz.membership",
              [this](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
                respond(membership_.SerializeAsString());
              });
  endpoint.on("startz.snapshot", rpc::typed<v1::SnapshotRequest, v1::Snapshot>(
                                     [this](const rpc::Caller&, v1::SnapshotRequest r, auto done) {
                                       done(snapshot(r.children_only()));
                                     }));
  endpoint.on("zrun.space_state",
              rpc::event<v1::SpaceReport>([this](const rpc::Caller& caller, v1::SpaceReport said) {
                if (caller.from.service() == "zrun" && gatekeeper_.report(said))
                  changed({said.topology_id(), said.space()});
              }));
}

void Service::wire_commands(rpc::RpcEndpoint& endpoint) {
  endpoint.on("startz.place", rpc::typed<v1::PlaceCommand, v1::CommandReply>(
                                  [this](const rpc::Caller&, v1::PlaceCommand command, auto done) {
                                    done(place(command, command.topology().SerializeAsString()));
                                  }));
  endpoint.on("startz.place_many", rpc::typed<v1::PlaceBatch, v1::PlaceBatchReply>(
                                       [this](const rpc::Caller&, v1::PlaceBatch batch, auto done) {
                                         v1::PlaceBatchReply replies;
                                         for (const auto& command : batch.commands())
                                           *replies.add_replies() =
                                               place(command, batch.topology());
                                         done(std::move(replies));
                                       }));
  endpoint.on("startz.stop",
              rpc::typed<v1::StopCommand, v1::CommandReply>(
                  [this](const rpc::Caller&, v1::StopCommand command, auto done) {
                    auto reply = gatekeeper_.stop(command);
                    note(command.header(), reply);
                    if (wire::outcome_of(reply) == wire::CommandOutcome::accepted) {
                      zrun_commands_.stop(command);
                      changed({command.header().topology_id(), command.header().space()});
                    }
                    done(std::move(reply));
                  }));
}

v1::CommandReply Service::place(const v1::PlaceCommand& command, const std::string& topology) {
  const auto& header = command.header();
  if (auto why = records_.refusal(header); !why.empty()) {
    v1::CommandReply reply;
    wire::set_outcome(reply, wire::CommandOutcome::refused);
    reply.set_highest_term(gatekeeper_.highest_term());
    reply.set_reason(std::move(why));
    return reply;
  }
  auto reply = gatekeeper_.place(command, topology);
  note(header, reply);
  if (wire::outcome_of(reply) != wire::CommandOutcome::accepted) return reply;
  const Gatekeeper::Key key{header.topology_id(), header.space()};
  zrun_commands_.place(key);
  changed(key);
  return reply;
}

void Service::note(const v1::CommandHeader& header, const v1::CommandReply& reply) {
  if (wire::outcome_of(reply) != wire::CommandOutcome::accepted) return;
  if (records_.hear(header)) keep_records();
  runtime_.log.debug("command_taken", {{"topology", header.topology_id()},
                                       {"space", header.space()},
                                       {"epoch", header.epoch()},
                                       {"term", header.term()}});
}

// --- records (P15) ---

// zmesh asks over its own hub or over ours, whichever link is there.
void Service::wire_records(rpc::RpcEndpoint& endpoint) {
  endpoint.on("startz.records", rpc::typed<v1::RecordsAsked, v1::RecordsKnown>(
                                    [this](const rpc::Caller& caller, v1::RecordsAsked, auto done) {
                                      if (caller.from.service() != "zmesh")
                                        return done(stdx::fail(Code::denied, "zmesh asks for it"));
                                      done(records_.report());
                                    }));
  endpoint.on("zmesh.records",
              rpc::event<v1::RecordsNews>([this](const rpc::Caller& caller, v1::RecordsNews news) {
                if (caller.from.service() == "zmesh" && records_.hear(news)) keep_records();
              }));
  endpoint.on("startz.holdings",
              rpc::typed<v1::HoldingsRequest, v1::Holdings>(
                  [this](const rpc::Caller& caller, v1::HoldingsRequest request, auto done) {
                    if (caller.from.service() != "controlplane")
                      return done(stdx::fail(Code::denied, "the control plane asks for it"));
                    auto page = holdings_of(gatekeeper_, request);
                    page.set_incarnation(options_.incarnation);
                    *page.mutable_known() = records_.known();
                    done(std::move(page));
                  }));
}

void Service::membership(v1::MembersChanged now) {
  if (records_.admitted(now.records())) keep_records();
  gatekeeper_.term_seen(now.records().term());
  const auto& revoked = now.revoked_tokens();
  if (revoked_.add({revoked.begin(), revoked.end()}, runtime_.clock.wall()) &&
      options_.keep_revoked)
    options_.keep_revoked(revoked_);
  membership_ = std::move(now);
  beats_.set_members();
  look_ready();
}

void Service::look_ready() {
  if (ready_) return;
  for (const char* service : {"zmesh", "zrms", "zrun", "zbase"})
    if (!hub_.has(service)) return;
  const auto& members = membership_.peers();
  if (std::none_of(members.begin(), members.end(), [this](const v1::Member& member) {
        return member.zhost_id() == options_.zhost && member.incarnation() == options_.incarnation;
      }))
    return;
  ready_ = true;
  runtime_.log.info("zhost_ready", {});
  if (options_.on_ready) options_.on_ready();
}

// What is lost with the last second runs nothing any more: the zhost went with it.
void Service::keep_records() {
  if (!options_.keep_records || keep_timer_.pending()) return;
  keep_timer_.set(1s, [this] { options_.keep_records(records_.known()); });
}

// --- children ---

void Service::child_started(const Children::Child& child) {
  pings_missed_[child.spec.name] = 0;
  changed();
}

void Service::child_ended(const Children::Child& child) {
  changed();
  if (child.spec.name != "zrun") return;
  gatekeeper_.mark_restarting();
  changed_all();
  // The one grace timer of P3; the leader keeps none. A second death within it starts no new one.
  if (!zrun_down_ && !stopping_ && !grace_timer_.pending())
    grace_timer_.set(options_.restart_grace, [this] { zrun_is_down(); });
}

void Service::zrun_is_down() {
  // First the list goes, then the word: `down` promises that nothing of it comes back (P3).
  if (!PLANTED(P3_drop)) gatekeeper_.drop_all();
  zrun_down_ = true;
  runtime_.log.warn("zrun_down", {{"grace_ms", stdx::to_ms(options_.restart_grace)}});
  changed_all();
}

void Service::zrun_connected() {
  grace_timer_.cancel();
  zrun_down_ = false;
  zrun_commands_.zrun_connected();
  changed_all();
}

void Service::ping_children() {
  ping_timer_.set(options_.ping_interval, [this] { ping_children(); });
  for (const auto& child : children_.list()) {
    if (!child.alive()) continue;
    const auto& name = child.spec.name;
    if (!hub_.has(name) && runtime_.clock.now() - child.since < options_.first_hello_max) continue;
    // Counted per ping that ran out, so that a zhost that was suspended as a whole kills nothing.
    if (++pings_missed_[name] > options_.pings_missed_max) {
      runtime_.log.error(
          "child_hung",
          {{"child", name},
           {"missed", pings_missed_[name] - 1},
           {"why",
            stdx::format("its event loop answered none of the last {} pings; it is ended and "
                         "started again. `loop_stuck` in its log names the task",
                         pings_missed_[name] - 1)}});
      pings_missed_[name] = 0;
      children_.kill(name);
      continue;
    }
    hub_.endpoint().request(rpc::address("", name), "service.ping", "", options_.ping_interval * 5,
                            [this, name](stdx::Result<stdx::Bytes> reply) {
                              if (reply || reply.error().code == Code::unsupported)
                                pings_missed_[name] = 0;
                            });
  }
}

v1::ChildState Service::state_of(const Children::Child& child) const {
  if (child.spec.name == "zrun" && zrun_down_) return v1::CHILD_DOWN;
  if (!child.alive()) return v1::CHILD_RESTARTING;
  const auto missed = pings_missed_.find(child.spec.name);
  if (missed != pings_missed_.end() && missed->second >= options_.pings_missed_max)
    return v1::CHILD_HUNG;
  return v1::CHILD_UP;
}

void Service::fill_children(google::protobuf::RepeatedPtrField<v1::ChildStatus>& out) const {
  for (const auto& child : children_.list()) {
    auto* status = out.Add();
    status->set_name(child.spec.name);
    status->set_state(state_of(child));
    status->set_pid(static_cast<std::uint64_t>(child.process));
    status->set_starts(child.starts);
    if (!stopping_) status->set_cause(child.cause);  // else it ends as it was told
  }
}

v1::Snapshot Service::snapshot(bool children_only) {
  v1::Snapshot now;
  now.set_counter(++counter_);
  now.set_incarnation(options_.incarnation);
  now.set_highest_term(gatekeeper_.highest_term());
  now.set_sequence(changes_told_);
  fill_children(*now.mutable_children());
  now.set_children_only(children_only);
  if (children_only) return now;
  for (auto& floor : gatekeeper_.floors()) *now.add_floors() = std::move(floor);
  // Details are for people; where very many spaces failed, those of the first ones must do.
  std::size_t detail_bytes = 0;
  for (const auto& [key, placed] : gatekeeper_.placed()) {
    auto& report = *now.add_spaces();
    report = placed.report;
    detail_bytes += report.detail().size();
    if (detail_bytes > details_bytes_max) report.clear_detail();
  }
  return now;
}

void Service::changed() {
  // One event for all that happens within a moment.
  if (!change_timer_.pending()) change_timer_.set(change_delay, [this] { publish_changes(); });
}

void Service::changed(const Gatekeeper::Key& key) {
  changed_.insert(key);
  changed();
}

void Service::changed_all() {
  all_changed_ = true;
  changed();
}

// What changed, and no more: a zhost may have 20,000 spaces. zrms asks for everything where an
// event did not come.
void Service::publish_changes() {
  if (!hub_.has("zrms")) return;  // it gets everything when it connects
  ++changes_told_;
  auto told = snapshot(!all_changed_);
  if (!all_changed_) {
    told.set_children_only(false);
    told.set_delta(true);
    std::size_t detail_bytes = 0;
    for (const auto& key : changed_) {
      gatekeeper_.describe(key, told);
      if (told.spaces_size() == 0) continue;
      auto& last = *told.mutable_spaces()->rbegin();
      detail_bytes += last.detail().size();
      if (detail_bytes > details_bytes_max) last.clear_detail();
    }
  }
  all_changed_ = false;
  changed_.clear();
  hub_.endpoint().notify(rpc::address("", "zrms"), "startz.changed", told.SerializeAsString());
}

v1::Beat Service::make_beat(bool goodbye) {
  v1::Beat beat;
  beat.set_cluster_id(options_.cluster_id);
  beat.set_zhost(options_.zhost);
  beat.set_incarnation(options_.incarnation);
  beat.set_counter(++counter_);
  beat.set_goodbye(goodbye);
  beat.set_highest_term(gatekeeper_.highest_term());
  fill_children(*beat.mutable_children());
  return beat;
}

}  // namespace startz
