// SPDX-License-Identifier: Apache-2.0
#include "zrms/leader.h"

#include <algorithm>

#include "stdx/plant.h"
#include "stdx/text.h"
#include "wire/states.h"
#include "zrms/copy_archives.h"
#include "zrms/event_notes.h"

namespace zrms {
namespace {

using namespace std::chrono_literals;
using stdx::Code;
constexpr stdx::Duration request_timeout = 2s;
// After batches that were refused one after the other, from the second on.
constexpr stdx::Duration reload_step = 10ms, reload_max = 1s;
// A zhost that cannot reach the control plane may have missed some; one that missed more hears of
// it when it registers.
constexpr int former_told_max = 8;

v1::ServiceAddress control_plane() {
  return rpc::address("", "controlplane");
}

// What an operator hears of a batch that was not answered as it should be. One that timed out, or
// whose link broke, may be written all the same.
stdx::Error not_written(const stdx::Error& why) {
  if (why.code != Code::timeout && why.code != Code::unknown) return why;
  return {Code::unknown,
          stdx::format("it is not known whether this was written ({}): look whether it was done "
                       "(`topo status`, `cluster token list`), and say it again where it was not",
                       why.message)};
}

}  // namespace

Leader::Leader(ports::Runtime& runtime, rpc::ServiceBus& zmesh, ClusterManager& cluster,
               ArchiveGc::Options archives, std::function<bool()> still_leads)
    : runtime_(runtime),
      zmesh_(zmesh),
      cluster_(cluster),
      still_leads_(std::move(still_leads)),
      archive_gc_(archives),
      events_(runtime, zmesh, *this),
      reload_timer_(runtime.executor),
      batches_(runtime.metrics.counter("samoza_zrms_batches_total", "Batches of rows committed")),
      commands_sent_(
          runtime.metrics.counter("samoza_zrms_commands_total", "Commands sent to zhosts")),
      unreadable_(runtime.metrics.counter("samoza_zrms_rows_unreadable_total",
                                          "Rows of the database that are no record")),
      leads_(runtime.metrics.gauge("samoza_zrms_leads", "1 while this zhost leads the cluster")),
      zhosts_failed_(runtime.metrics.counter("samoza_zrms_zhosts_failed_total",
                                             "Zhosts declared dead by this zhost")),
      commit_log_(runtime.log, runtime.metrics) {}

void Leader::begin(std::uint64_t term) {
  term_ = term;
  ++session_;
  leading_ = true;
  leads_.set(1);
  loaded_ = loading_ = busy_ = went_back_ = false;
  refused_ = 0;
  reconciler_.reset();
  repair_.reset();
  archive_gc_.reset();
  recovery_.clear();
  // At the first plan: what is on disks then was there before this leadership session
  // (ArchiveGc).
  looked_at_replicas_ = runtime_.clock.now() - 1s;
  directory_.restart(term, facts.zhost);
  events_.begin(term);
  load();
}

void Leader::end() {
  leads_.set(0);
  leading_ = loaded_ = loading_ = busy_ = false;
  reader_.reset();
  ++session_;
  reload_timer_.cancel();
  events_.end();
  asked_.refuse_all({Code::unavailable, "this zhost leads no more; try again"});
}

void Leader::load() {
  if (loading_) return;
  loading_ = true;
  loaded_ = false;
  loader_.begin(term_);
  load_page();
}

// P7: each page is read after the term row was taken, and what changes while they come is read too.
void Leader::load_page() {
  zmesh_.request(control_plane(), "controlplane.read_since", loader_.next().SerializeAsString(),
                 request_timeout,
                 rpc::expect<v1::RecordsReply>(
                     [this, session = session_](stdx::Result<v1::RecordsReply> reply) {
                       if (session != session_) return;
                       const auto got =
                           reply ? loader_.take(std::move(*reply)) : RecordLoader::Got::begin_anew;
                       if (got == RecordLoader::Got::more) return load_page();
                       if (got == RecordLoader::Got::begin_anew) {
                         loading_ = false;
                         reload_timer_.set(200ms, [this] { load(); });
                         return;
                       }
                       loaded(loader_.records());
                     }));
}

// A database that went back shows it to its leader first, who answers nothing from it and plans
// nothing by it: the copy here stays, and with it what the next renewal says of it (P15).
void Leader::loaded(v1::RecordsReply reply) {
  const bool goes_back = loaded_term_ == term_ && !records_.is_continued_by(reply);
  if (goes_back && !went_back_)
    runtime_.log.error(
        "records_went_back",
        {{"term", term_}, {"known", records_.counter()}, {"read", reply.revision()}});
  went_back_ = goes_back;
  if (goes_back) {
    loading_ = false;
    return reload_timer_.set(reload_max, [this] { load(); });
  }
  reader_.emplace(std::move(reply));
  event_reader_ = events_.log().reader();
  read_on();
}

// A part in each task: the loop is there for others in between.
void Leader::read_on() {
  if (reader_->step() || event_reader_->step(reader_->rows()))
    return runtime_.executor.post([this, session = session_] {
      if (session == session_) read_on();
    });
  records_.replace(reader_->take());
  events_.log().load(*event_reader_);
  reader_.reset();
  free_events();
  loading_ = false;
  loaded_term_ = term_;
  loaded_ = true;
  unreadable_.add(records_.unreadable().size());
  for (const auto& row : records_.unreadable())
    runtime_.log.error("row_unreadable", {{"row", row},
                                          {"what",
                                           "it is no record of this version and is left as it is; "
                                           "restore the control plane's database from a copy"}});
  runtime_.log.info("records_read", {{"term", term_},
                                     {"topologies", records_.topologies().size()},
                                     {"spaces", records_.spaces().size()}});
  events_.session_began();
  look();
}

// The events that were known before the records were read.
void Leader::free_events() {
  if (!event_reader_ || reader_) return;  // a next reading has its own
  if (!event_reader_->discard()) return event_reader_.reset();
  runtime_.executor.post([this] { free_events(); });
}

const char* Leader::why_not_ready() const {
  return went_back_ ? "the database shows older records than this leader has seen; "
                      "`status` says what to do"
                    : "the new leader is reading the records; try again in a moment";
}

void Leader::look() {
  if (!ready() || busy_ || look_posted_) return;
  look_posted_ = true;
  runtime_.executor.post([this, session = session_] {
    look_posted_ = false;
    if (session == session_) plan();
  });
}

void Leader::zhost_failed(const ClusterManager::Event& event) {
  const auto affected = recovery_.handle_zhost_failure(event.zhost, records_);
  zhosts_failed_.add();
  runtime_.log.warn("zhost_dead", {{"dead", event.zhost},
                                   {"silence_ms", stdx::to_ms(event.silence)},
                                   {"evidence", event.evidence},
                                   {"topologies_affected", affected.size()},
                                   {"term", term_}});
  events_.note_zhost("dead", event.zhost,
                     stdx::format("{}, {} ms", event.evidence, stdx::to_ms(event.silence)));
  mark(event.zhost, true);
}

void Leader::zrun_ended(const ClusterManager::ZrunEnd& end) {
  v1::Event event;
  event.set_what("zrun ended");
  event.set_zhost(end.zhost);
  event.set_why(stdx::format(
      "{}; {}", end.cause.empty() ? "the reason is not known" : end.cause,
      end.spaces == 0   ? "no space was in it"
      : end.spaces == 1 ? "1 space was in it, and is started again"
                        : stdx::format("{} spaces were in it, and are started again", end.spaces)));
  events_.note(std::move(event));
}

void Leader::zhost_returned(const std::string& zhost) {
  recovery_.zhost_returned(zhost);
  events_.note_zhost("returned", zhost);
  mark(zhost, false);
}

// So that a control plane that starts does not wait for zhosts that are gone (P15).
void Leader::mark(const std::string& zhost, bool dead) {
  if (!ready()) return;
  const auto member = std::find_if(facts.members.begin(), facts.members.end(),
                                   [&](const v1::Member& m) { return m.zhost_id() == zhost; });
  if (member == facts.members.end() || (!dead && !member->dead())) return;
  v1::MarkRequest request;
  request.set_term(term_);
  request.set_zhost_id(zhost);
  request.set_incarnation(member->incarnation());
  request.set_dead(dead);
  zmesh_.request(control_plane(), "controlplane.mark", request.SerializeAsString(), request_timeout,
                 [this, zhost, dead](stdx::Result<stdx::Bytes> reply) {
                   if (!reply)
                     runtime_.log.warn(
                         "mark_not_written",
                         {{"zhost", zhost}, {"dead", dead}, {"why", reply.error().message}});
                 });
}

// One that was not written, or that a former leader did not live to write.
void Leader::repeat_marks() {
  for (const auto& member : facts.members) {
    const auto life = cluster_.life(member.zhost_id());
    if (life == ClusterManager::Life::dead && !member.dead()) mark(member.zhost_id(), true);
    if (life == ClusterManager::Life::alive && member.dead()) mark(member.zhost_id(), false);
  }
}

v1::RecordsKnown Leader::known() const {
  v1::RecordsKnown known;
  known.set_lineage(records_.lineage().id());
  known.set_counter(records_.counter());
  known.set_term(term_);
  return known;
}

void Leader::zhost_forgotten(const std::string& zhost) {
  recovery_.zhost_returned(zhost);  // should it come back, it does as a new one
  directory_.forget(zhost);
  events_.note_zhost("forgotten", zhost);
}

Reconciler::View Leader::view() const {
  return {records_,      cluster_, recovery_,
          facts.members, term_,    stdx::format_rfc3339(runtime_.clock.wall())};
}

std::vector<Candidate> Leader::candidates() const {
  return candidates_of(view());
}

// What the reconciler wants goes first: a space whose zhost died does not wait for operators. Their
// changes go into the same batch while it has room, many of them at once.
void Leader::plan() {
  if (!ready() || busy_ || !still_leads_()) return;
  const auto now = runtime_.clock.now();
  auto plan = reconciler_.plan(view(), now);
  for (auto& places : plan.commands.places) send(std::move(places));
  for (auto& stop : plan.commands.stops) send(std::move(stop));
  directory_.update(records_);
  send_directory();
  auto changes = std::move(plan.changes);
  for (const auto& change : keep_what_fits(changes)) {
    reconciler_.look_again(change);
    plan.more = true;
  }
  const bool asked = asked_.fill(changes, records_);
  // A row is changed once in a batch: what the repair of replicas would change waits for what is
  // changed here.
  for (auto& change : plan_repair()) {
    const bool twice = std::any_of(changes.begin(), changes.end(), [&](const RowChange& other) {
      return other.kind == change.kind && other.key == change.key;
    });
    if (!twice && changes.size() < ChangeQueue::batch_rows_max)
      changes.push_back(std::move(change));
  }
  for (const auto& change : keep_what_fits(changes)) reconciler_.look_again(change);
  if (!changes.empty())
    commit(std::move(changes));
  else if (plan.more || asked)
    look();
}

void Leader::change(Change make, std::function<void(stdx::Status)> done) {
  if (!ready()) return done(stdx::fail(Code::unavailable, why_not_ready()));
  asked_.add(std::move(make), std::move(done));
  look();
}

void Leader::commit(std::vector<RowChange> changes) {
  busy_ = true;
  auto request = to_request(term_, changes);
  *request.mutable_known() = known();
  zmesh_.request(
      control_plane(), "controlplane.commit", request.SerializeAsString(), request_timeout,
      rpc::expect<v1::CommitReply>(
          [this, session = session_, changes = std::move(changes),
           answers = asked_.take_answers()](stdx::Result<v1::CommitReply> reply) {
            const auto answer = [&](const stdx::Status& status) {
              for (const auto& done : answers) done(status);
            };
            if (session != session_)
              return answer(std::unexpected(
                  not_written({Code::unknown, "the leader changed while it was under way"})));
            busy_ = false;
            if (reply) {
              refused_ = 0;
              records_.set_counter(reply->revision());
              committed(changes);
              answer({});
              look();
              return;
            }
            runtime_.log.warn("batch_not_committed",
                              {{"rows", changes.size()}, {"why", reply.error().message}});
            answer(std::unexpected(not_written(reply.error())));
            // P7: whatever it was, the rows are read again before anything else.
            if (PLANTED(P7_reread) && reply.error().code == Code::unknown) {
              committed(changes);
              return look();
            }
            if (++refused_ == 1) return load();
            // Whoever refuses will do so again: the rows are not read in a loop.
            loaded_ = false;
            reload_timer_.set(std::min(reload_max, reload_step * (1 << std::min(refused_, 10))),
                              [this] { load(); });
          }));
}

void Leader::committed(const std::vector<RowChange>& changes) {
  batches_.add();
  commit_log_.log(changes, records_);
  for (auto& event : events_of(records_, changes)) events_.note(std::move(event));
  records_.apply(changes);
}

void Leader::not_done(const char* what, const v1::CommandHeader& header, const std::string& why) {
  runtime_.log.warn("command_not_done", {{"command", what},
                                         {"space", header.space()},
                                         {"on", header.zhost()},
                                         {"epoch", header.epoch()},
                                         {"why", why}});
}

void Leader::send(Commands::Places places) {
  commands_sent_.add(places.names.size());
  auto body = places.batch.SerializeAsString();
  std::vector<v1::CommandHeader> headers;
  for (const auto& command : places.batch.commands()) headers.push_back(command.header());
  zmesh_.request(
      rpc::address(places.zhost, "startz"), "startz.place_many", std::move(body), request_timeout,
      rpc::expect<v1::PlaceBatchReply>([this, session = session_, headers, zhost = places.zhost,
                                        names = std::move(places.names), bytes = places.bytes](
                                           stdx::Result<v1::PlaceBatchReply> replies) {
        if (session != session_) return;
        if (reconciler_.answered(zhost, bytes, names, runtime_.clock.now())) look();
        if (!replies) return not_done("place", headers.front(), replies.error().message);
        for (int i = 0; i < replies->replies_size() && i < static_cast<int>(headers.size()); ++i)
          if (wire::outcome_of(replies->replies(i)) == wire::CommandOutcome::refused)
            not_done("place", headers[static_cast<std::size_t>(i)], replies->replies(i).reason());
      }));
}

void Leader::send(Commands::Stop stop) {
  commands_sent_.add();
  const auto header = stop.command.header();
  zmesh_.request(rpc::address(header.zhost(), "startz"), "startz.stop",
                 stop.command.SerializeAsString(), request_timeout,
                 rpc::expect<v1::CommandReply>(
                     [this, session = session_, header, names = std::move(stop.names),
                      bytes = stop.bytes](stdx::Result<v1::CommandReply> reply) {
                       if (session != session_) return;
                       if (reconciler_.answered(header.zhost(), bytes, names, runtime_.clock.now()))
                         look();
                       if (!reply || wire::outcome_of(*reply) == wire::CommandOutcome::refused)
                         not_done("stop", header, reply ? reply->reason() : reply.error().message);
                     }));
}

std::vector<RowChange> Leader::plan_repair() {
  const auto now = runtime_.clock.now();
  // It walks every archive of every zhost, and nothing of it is urgent.
  if (now - looked_at_replicas_ < 1s) return {};
  looked_at_replicas_ = now;
  repeat_marks();
  auto repair = repair_.plan(view(), now);
  for (const auto& copy : repair.copies) ask_copy(copy);
  collect_archives(now);
  return std::move(repair.changes);
}

// Not on every plan: only where nothing waits to be written, so the rows are what they will be.
void Leader::collect_archives(stdx::Instant now) {
  for (const auto& drop : archive_gc_.plan(view(), now)) {
    v1::BlobDropRequest request;
    request.set_term(term_);
    request.mutable_sha256()->Assign(drop.archives.begin(), drop.archives.end());
    // Whatever it answers: its next report tells what is there.
    zmesh_.request(rpc::address(drop.zhost, "zrms"), "zrms.blob_drop", request.SerializeAsString(),
                   request_timeout, [](auto) {});
  }
}

void Leader::ask_copy(const ReplicaRepair::Copy& copy) {
  copy_archives(zmesh_, copy.target, copy.archives, copy.from,
                [this, copy, session = session_](stdx::Status copied) {
                  if (session != session_) return;
                  runtime_.log.info(copied ? "archives_copied" : "archives_not_copied",
                                    {{"topology", copy.topology},
                                     {"to", copy.target},
                                     {"archives", copy.archives.size()},
                                     {"why", copied ? "" : copied.error().message}});
                  repair_.copied(copy, copied.has_value(), runtime_.clock.now());
                  look();
                });
}

// Those that are dead are told when they return; they register anew then.
void Leader::send_directory() {
  for (const auto& member : facts.members)
    if (cluster_.life(member.zhost_id()) == ClusterManager::Life::dead)
      directory_.forget(member.zhost_id());
    else
      directory_.reader(member.zhost_id(), member.incarnation());
  while (auto part = directory_.next()) {
    auto& update = part->update;
    update.set_lineage(records_.lineage().id());
    update.set_counter(records_.counter());
    for (const auto& former : records_.lineage().former())
      if (update.former_size() < former_told_max) *update.add_former() = former;
    zmesh_.request(rpc::address(part->zhost, "zmesh"), "zmesh.directory",
                   update.SerializeAsString(), request_timeout,
                   [this, zhost = part->zhost, bytes = part->bytes,
                    session = session_](stdx::Result<stdx::Bytes> reply) {
                     if (session != session_) return;
                     using Answer = DirectorySender::Answer;
                     const bool refused = !reply && (reply.error().code == Code::stale ||
                                                     reply.error().code == Code::invalid);
                     directory_.answered(zhost, bytes,
                                         reply     ? Answer::taken
                                         : refused ? Answer::refused
                                                   : Answer::lost);
                     // What comes next for it or for another; one that is not reached is told again
                     // later.
                     if (reply || refused) look();
                   });
  }
}

}  // namespace zrms
