// SPDX-License-Identifier: Apache-2.0
#include "controlplane/records_guard.h"

#include <algorithm>

#include "stdx/plant.h"
#include "stdx/text.h"

namespace controlplane {

using stdx::Code;
using stdx::format;

namespace {

constexpr std::size_t strangers_max = 1000;

const v1::FormerLineage* find_former(const v1::LineageRecord& lineage, const std::string& id) {
  const auto at = std::find_if(lineage.former().begin(), lineage.former().end(),
                               [&](const v1::FormerLineage& former) { return former.id() == id; });
  return at == lineage.former().end() ? nullptr : &*at;
}

std::string short_id(const std::string& id) {
  return stdx::printable(id.substr(0, 8), 8);
}

}  // namespace

const char* to_string(RecordsGuard::Phase phase) {
  switch (phase) {
    case RecordsGuard::Phase::opening:
      return "opening";
    case RecordsGuard::Phase::open:
      return "open";
    case RecordsGuard::Phase::behind:
      return "behind";
  }
  return "";
}

v1::LineageRecord next_lineage(const v1::LineageRecord& of, std::uint64_t last_counter,
                               std::string id) {
  v1::LineageRecord next;
  next.set_id(std::move(id));
  next.set_epoch_floor(of.epoch_floor());
  auto* former = next.add_former();
  former->set_id(of.id());
  former->set_last_counter(last_counter);
  for (const auto& older : of.former())
    if (next.former_size() < RecordsGuard::former_max) *next.add_former() = older;
  return next;
}

bool RecordsGuard::read(const v1::LineageRecord& lineage, std::uint64_t counter,
                        std::uint64_t term) {
  const bool first = lineage_.id().empty();
  const auto* former = find_former(lineage, lineage_.id());
  const bool goes_on = first || lineage.id() == lineage_.id() ||
                       (former != nullptr && former->last_counter() >= read_counter_);
  if (!first && (!goes_on || counter < read_counter_ || term < read_term_) &&
      !PLANTED(P15_behind)) {
    go_behind("the database itself",
              format("showed lineage {} up to change {} a moment ago, and shows lineage {} up to "
                     "change {} now",
                     short_id(lineage_.id()), read_counter_, short_id(lineage.id()), counter));
    return false;
  }
  lineage_ = lineage;
  read_counter_ = counter;
  read_term_ = term;
  counter_ = std::max(counter_, counter);
  term_ = std::max(term_, term);
  return true;
}

// A new lineage begins above every term that was reported: who led before, and knows only the
// records of that time, proves nothing against them. It may know of one batch more than anybody was
// told of; nothing followed from that.
bool RecordsGuard::is_over(const v1::RecordsKnown& known) const {
  return !known.lineage().empty() && known.lineage() != lineage_.id() && known.term() < term_;
}

bool RecordsGuard::is_of_other_records(const v1::RecordsKnown& known) const {
  return !known.lineage().empty() && known.lineage() != lineage_.id() &&
         find_former(lineage_, known.lineage()) == nullptr;
}

std::string RecordsGuard::beyond(const v1::RecordsKnown& known) const {
  if (known.lineage().empty() || PLANTED(P15_behind)) return {};
  if (known.lineage() == lineage_.id()) {
    if (known.counter() > counter_)
      return format("knows of change {}, and the database ends at {}", known.counter(), counter_);
  } else {
    const auto* former = find_former(lineage_, known.lineage());
    if (former == nullptr)
      return format(
          "knows of other records (lineage {}, up to change {}) than the database has "
          "(lineage {})",
          short_id(known.lineage()), known.counter(), short_id(lineage_.id()));
    if (known.counter() > former->last_counter())
      return format("knows of change {} of lineage {}, of which the database has {}",
                    known.counter(), short_id(known.lineage()), former->last_counter());
  }
  if (known.term() > term_)
    return format("knows of term {}, and the database ends at term {}", known.term(), term_);
  return {};
}

stdx::Error RecordsGuard::go_behind(const std::string& who, const std::string& what) {
  phase_ = Phase::behind;
  if (why_behind_.empty()) why_behind_ = format("{} {}", who, what);
  return refusal({});
}

stdx::Status RecordsGuard::hear(const std::string& zhost, bool is_member,
                                const v1::RecordsKnown& known) {
  if (const auto what = beyond(known); !what.empty()) {
    // One zhost of another cluster must not stop this one, and a lost database has no members.
    if (strangers_.size() < strangers_max) strangers_.insert(zhost);
    if (is_of_other_records(known) && !is_member && phase_ != Phase::behind &&
        strangers_.size() <= registered_.size())
      return stdx::fail(
          Code::denied,
          format("zhost '{}' {}: it belonged to another cluster, or was away while an operator "
                 "recovered the records. Nothing of what it ran is known here. To take it in "
                 "as new, stop it, remove the file records from its state_dir and start it",
                 zhost, what));
    return std::unexpected(go_behind(format("zhost '{}'", zhost), what));
  }
  if (phase_ == Phase::behind) return std::unexpected(refusal({}));
  registered_.insert(zhost);
  strangers_.erase(zhost);
  return {};
}

stdx::Status RecordsGuard::hear_leader(const std::string& zhost, const v1::RecordsKnown& known) {
  if (is_over(known))
    return stdx::fail(Code::stale, format("term {} is over, {} was seen", known.term(), term_));
  if (const auto what = beyond(known); !what.empty())
    return std::unexpected(go_behind(format("zhost '{}', which leads,", zhost), what));
  if (phase_ == Phase::behind) return std::unexpected(refusal({}));
  return {};
}

std::size_t RecordsGuard::registered_of(const std::set<std::string>& members) const {
  return static_cast<std::size_t>(
      std::count_if(members.begin(), members.end(),
                    [this](const std::string& zhost) { return registered_.contains(zhost); }));
}

RecordsGuard::Opening RecordsGuard::opening(const Members& members, stdx::Instant now) const {
  if (phase_ != Phase::opening || lineage_.id().empty()) return Opening::wait;
  if (members.all.empty() || PLANTED(P15_quorum)) return Opening::at_once;
  const auto here = registered_of(members.all);
  if (here == members.all.size()) return Opening::new_lineage;
  auto living = members.all;
  for (const auto& dead : members.dead)
    if (!registered_.contains(dead)) living.erase(dead);
  if (living.empty()) return Opening::wait;
  if (here == living.size()) return Opening::new_lineage_and_step;
  return here * 2 > living.size() && now - started_ >= grace ? Opening::new_lineage_and_step
                                                             : Opening::wait;
}

void RecordsGuard::recovered(const v1::LineageRecord& lineage, std::uint64_t counter,
                             std::uint64_t term) {
  phase_ = Phase::open;
  why_behind_.clear();
  strangers_.clear();
  lineage_ = lineage;
  counter_ = read_counter_ = counter;
  term_ = read_term_ = term;
}

std::string RecordsGuard::detail(const Members& members) const {
  if (phase_ == Phase::open) return {};
  if (phase_ == Phase::behind)
    return format(
        "the records are behind: {}. The database was put back from an older copy, lost "
        "its newest changes, or was emptied. Nothing is placed, judged or admitted; what "
        "runs runs on. Put the newest database back and start the control plane, or run "
        "`cluster recover`",
        why_behind_);
  std::string missing;
  for (const auto& zhost : members.all)
    if (!registered_.contains(zhost) && missing.size() < 200)
      missing += format("{}{}", missing.empty() ? "" : ", ", zhost);
  return format(
      "the control plane has just started and waits for more than half of its {} "
      "members, to learn whether its records are the newest: {} have registered, not {}. "
      "Wait some seconds, or start them; only if they are gone for good, run `cluster recover`",
      members.all.size(), registered_of(members.all), missing.empty() ? "the leader yet" : missing);
}

stdx::Error RecordsGuard::refusal(const Members& members) const {
  return {Code::unavailable, detail(members)};
}

v1::RecordsKnown RecordsGuard::known() const {
  v1::RecordsKnown known;
  known.set_lineage(lineage_.id());
  known.set_counter(counter_);
  known.set_term(term_);
  return known;
}

}  // namespace controlplane
