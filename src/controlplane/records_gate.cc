// SPDX-License-Identifier: Apache-2.0
#include "controlplane/records_gate.h"

#include "stdx/encoding.h"
#include "stdx/text.h"
#include "wire/frame.h"

namespace controlplane {

using namespace std::chrono_literals;
using stdx::Code;
using Opening = RecordsGuard::Opening;
using Phase = RecordsGuard::Phase;

namespace {

// Two renewals of a leader's term, and the reading in between.
constexpr stdx::Duration leader_wait = 2500ms;
// Above what any history reaches by counting, and not the step that another history took.
constexpr std::uint64_t step_min = 1000, step_max = 1'000'000;

}  // namespace

RecordsGate::RecordsGate(ports::Runtime& runtime, ports::Store& store, const Membership& membership)
    : runtime_(runtime),
      store_(store),
      membership_(membership),
      guard_(runtime.clock.now()),
      started_(runtime.clock.now()),
      open_gauge_(runtime.metrics.gauge("samoza_controlplane_records_open",
                                        "1 while the records may be changed (P15)")),
      behind_gauge_(runtime.metrics.gauge(
          "samoza_controlplane_records_behind",
          "1 while somebody knows of newer records than the database has (P15)")),
      held_refused_(
          runtime.metrics.counter("samoza_controlplane_held_registrations_refused_total",
                                  "Registrations refused because too many waited already")) {}

std::string RecordsGate::new_id() {
  return stdx::uuid_from(runtime_.random.next(), runtime_.random.next());
}

std::uint64_t RecordsGate::random_step() {
  return step_min + runtime_.random.next() % (step_max - step_min);
}

RecordsGuard::Members RecordsGate::members() const {
  RecordsGuard::Members list;
  for (const auto& member : membership_.members()) {
    list.all.insert(member.zhost_id());
    if (member.dead()) list.dead.insert(member.zhost_id());
  }
  return list;
}

void RecordsGate::read(const ports::Store::Snapshot& snapshot) {
  auto lineage = guard_.lineage();
  for (const auto& record : snapshot.records) {
    if (record.kind != "lineage") continue;
    auto parsed = wire::parse<v1::LineageRecord>(record.value);
    if (!parsed) {
      runtime_.log.error("bad_record", {{"kind", record.kind}, {"key", record.key}});
      continue;
    }
    lineage = std::move(*parsed);
    lineage_version_ = record.version;
  }
  if (snapshot.term.version >= term_.version) {
    // A leader renews it through another control plane of this database: that one has heard what
    // the leader knows.
    const bool renewed = term_.version > 0 && snapshot.term.version > term_.version &&
                         snapshot.term.term == term_.term && snapshot.term.holder == term_.holder &&
                         !term_.holder.empty();
    term_ = snapshot.term;
    if (renewed && guard_.phase() == Phase::opening && !lineage.id().empty()) {
      guard_.read(lineage, snapshot.revision, term_.term);
      return opened("its leader goes on");
    }
  }
  if (lineage.id().empty()) return make_lineage();
  if (!guard_.read(lineage, snapshot.revision, snapshot.term.term)) return phase_changed();
  evaluate();
}

void RecordsGate::make_lineage() {
  if (making_) return;
  making_ = true;
  v1::LineageRecord made;
  made.set_id(new_id());
  made.set_made(stdx::format_rfc3339(runtime_.clock.wall()));
  made.set_why("the database is new");
  store_.commit({}, {{"lineage", "", 0, made.SerializeAsString()}},
                [this, alive = std::weak_ptr<bool>(alive_)](auto committed) {
                  if (alive.expired()) return;
                  making_ = false;
                  // The next read shows it; where another control plane made one, that.
                  if (!committed && committed.error().code != Code::conflict)
                    runtime_.log.warn("lineage_not_made", {{"why", committed.error().message}});
                  else if (reread)
                    reread();
                });
}

void RecordsGate::admit(const v1::RegisterRequest& request, Done done) {
  const auto& zhost = request.member().zhost_id();
  const auto* row = membership_.find(zhost);
  if (!request.has_known()) {
    // Of somebody whose startz says nothing only what an open control plane does is known.
    if (guard_.is_open()) return done({});
    return done(stdx::fail(Code::unavailable,
                           stdx::format("zhost '{}' does not say what it knows of the records, and "
                                        "the control plane waits for that: {}",
                                        zhost, detail())));
  }
  const auto heard =
      guard_.hear(zhost, row != nullptr && !row->member.forgotten(), request.known());
  phase_changed();
  if (!heard) {
    if (refused_.size() < Membership::members_max || refused_.contains(zhost))
      refused_[zhost] = request.member();
    return done(heard);
  }
  refused_.erase(zhost);
  if (guard_.is_open()) return done({});
  if (held_.size() >= Membership::members_max && !held_.contains(zhost)) {
    held_refused_.add();
    return done(stdx::fail(Code::full, "too many zhosts wait for the records to open; try again"));
  }
  auto& held = held_[zhost];
  if (auto older = std::exchange(held, {request, std::move(done)}); older.done)
    older.done(stdx::fail(Code::unavailable, "the zhost asked again since"));
  evaluate();
}

bool RecordsGate::leader_may_renew() const {
  const auto first = term_.holder.find('/');
  if (first == std::string::npos) return false;
  const auto zhost = term_.holder.substr(0, first);
  const auto second = term_.holder.find('/', first + 1);
  const auto incarnation =
      stdx::parse_u64(term_.holder.substr(first + 1, second - first - 1)).value_or(0);
  // A newer life of it, or none that is to come, renews nothing.
  const auto held = held_.find(zhost);
  if (held == held_.end() || held->second.request.member().incarnation() != incarnation)
    return false;
  return runtime_.clock.now() - started_ < leader_wait;
}

void RecordsGate::evaluate() {
  if (opening_) return;
  const auto what = guard_.opening(members(), runtime_.clock.now());
  if (what == Opening::wait) return;
  if (what == Opening::at_once) return opened("it has no members");
  if (leader_may_renew()) return;
  raise_term(what == Opening::new_lineage_and_step);
}

// What a leader of a lost history sent is refused everywhere: each zhost learns of the new term and
// lineage with the answer to its registration, and takes nothing newer before.
void RecordsGate::raise_term(bool step) {
  if (term_.term == 0) return begin_lineage(step);
  opening_ = true;
  store_.cas_term(term_.version, term_.term + 1 + (step ? random_step() : 0), "",
                  [this, step, alive = std::weak_ptr<bool>(alive_)](auto row) {
                    if (alive.expired()) return;
                    opening_ = false;
                    if (!row || guard_.phase() != Phase::opening) return;  // the next read tells
                    term_ = *row;
                    guard_.term_raised(row->term);
                    begin_lineage(step);
                  });
}

void RecordsGate::begin_lineage(bool step) {
  opening_ = true;
  auto next = next_lineage(guard_.lineage(), guard_.counter(), new_id());
  if (step) next.set_epoch_floor(next.epoch_floor() + random_step());
  next.set_made(stdx::format_rfc3339(runtime_.clock.wall()));
  next.set_why(step ? "the control plane started, and not all of its members were there"
                    : "the control plane started");
  store_.commit({}, {{"lineage", "", lineage_version_, next.SerializeAsString()}},
                [this, next, step, alive = std::weak_ptr<bool>(alive_)](auto committed) {
                  if (alive.expired()) return;
                  opening_ = false;
                  if (!committed || guard_.phase() != Phase::opening) return;
                  ++lineage_version_;
                  guard_.read(next, committed->revision, term_.term);
                  opened(step ? "those of its members that are there have registered"
                              : "all its members have registered");
                });
}

void RecordsGate::opened(const char* how) {
  if (guard_.phase() != Phase::opening) return;
  guard_.open();
  runtime_.log.info("records_open", {{"lineage", guard_.lineage().id()},
                                     {"counter", guard_.counter()},
                                     {"term", term_.term},
                                     {"why", how}});
  phase_changed();
  for (auto& [zhost, held] : std::exchange(held_, {})) held.done({});
}

void RecordsGate::phase_changed() {
  const auto phase = guard_.phase();
  open_gauge_.set(phase == Phase::open);
  behind_gauge_.set(phase == Phase::behind);
  if (phase == said_) return;
  said_ = phase;
  if (phase == Phase::behind) {
    runtime_.log.error("records_behind", {{"why", detail()}});
    for (auto& [zhost, held] : std::exchange(held_, {})) {
      refused_[zhost] = held.request.member();
      held.done(std::unexpected(guard_.refusal(members())));
    }
  }
  if (on_phase) on_phase();
}

bool RecordsGate::is_news(const v1::RecordsKnown& known) const {
  const auto ours = guard_.known();
  return !known.lineage().empty() &&
         (known.lineage() != ours.lineage() || known.counter() > ours.counter() ||
          known.term() > ours.term());
}

stdx::Status RecordsGate::may_commit() const {
  if (guard_.is_open()) return {};
  return std::unexpected(guard_.refusal(members()));
}

stdx::Status RecordsGate::may_commit(const std::string& leader, const v1::RecordsKnown& known) {
  const auto heard = guard_.hear_leader(leader, known);
  phase_changed();
  TRY(heard);
  return may_commit();
}

stdx::Status RecordsGate::may_take_term(const v1::CasTermRequest& request,
                                        const std::string& zhost) {
  // What its zhost knows a candidate said when it registered; this is what it knew when it led.
  if (!guard_.is_over(request.known())) {
    const auto heard = guard_.hear_leader(zhost, request.known());
    phase_changed();
    TRY(heard);
  }
  const bool renewal = request.next_term() == term_.term && request.next_holder() == term_.holder &&
                       !request.known().lineage().empty();
  if (renewal) return {};
  if (!guard_.is_open()) return std::unexpected(guard_.refusal(members()));
  if (guard_.has_registered(zhost)) return {};
  return stdx::fail(Code::unavailable,
                    stdx::format("zhost '{}' leads only once it has registered, which it has not "
                                 "since the control plane started",
                                 zhost));
}

stdx::Status RecordsGate::may_read_term() const {
  // A start that takes its ordinary time is no trouble to be told of.
  if (guard_.is_open() || (guard_.phase() == Phase::opening &&
                           runtime_.clock.now() - started_ < RecordsGuard::grace + 1s))
    return {};
  return std::unexpected(guard_.refusal(members()));
}

void RecordsGate::term_taken(const ports::TermRow& row) {
  if (row.version > term_.version) term_ = row;
  guard_.term_raised(row.term);
  opened("its leader goes on");
}

void RecordsGate::recovered(const v1::LineageRecord& lineage, std::uint64_t version,
                            std::uint64_t counter, const ports::TermRow& term) {
  guard_.recovered(lineage, counter, term.term);
  lineage_version_ = version;
  term_ = term;
  refused_.clear();
  runtime_.log.warn("records_recovered",
                    {{"lineage", lineage.id()}, {"counter", counter}, {"term", term.term}});
  phase_changed();
  for (auto& [zhost, held] : std::exchange(held_, {})) held.done({});
}

std::vector<v1::Member> RecordsGate::refused_members() const {
  std::vector<v1::Member> list;
  for (const auto& [zhost, held] : held_) list.push_back(held.request.member());
  for (const auto& [zhost, member] : refused_) list.push_back(member);
  return list;
}

}  // namespace controlplane
