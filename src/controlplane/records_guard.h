// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether a control plane may act on the records that its database has (docs/protocol.md, P15).
// A database may have been put back from an older copy, have lost its newest transactions, or have
// been emptied; it cannot tell by itself. Those that it served can: zhosts and the sitting leader
// say which lineage, counter and term they know of.
//
// `opening`: after a start nothing is committed. It ends when the leader renews its term row, when
// every member has registered, or when `grace` is over and more than half of the members that are
// not known to be dead have registered; nobody may have been ahead. `behind`: somebody knows of
// more than the records have; only an operator ends it. Pure; holds at most one entry per zhost.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "samoza/v1/controlplane.pb.h"
#include "stdx/result.h"
#include "stdx/time.h"

namespace controlplane {

namespace v1 = samoza::v1;

class RecordsGuard {
 public:
  enum class Phase { opening, open, behind };
  // What is to be done about an opening.
  enum class Opening {
    wait,
    // Without the sitting leader: the term is raised and the records get a new lineage, so that
    // what a leader of a lost history sent is refused wherever it arrives.
    new_lineage,
    // Some members are missing, too: epochs also take a step that no other history takes.
    new_lineage_and_step,
    // There is no member: nobody can know of more.
    at_once,
  };
  static constexpr stdx::Duration grace = std::chrono::seconds(6);  // above zmesh's back-off
  static constexpr int former_max = 1000;

  explicit RecordsGuard(stdx::Instant started) : started_(started) {}

  // What the database shows now. False: it went back while it was in use.
  bool read(const v1::LineageRecord& lineage, std::uint64_t counter, std::uint64_t term);
  // A batch of this control plane.
  void committed(std::uint64_t counter) { counter_ = std::max(counter_, counter); }
  void term_raised(std::uint64_t term) { term_ = std::max(term_, term); }

  // A zhost that registers says what it knows. Code::unavailable: the records are behind;
  // Code::denied: it is of other records than the members that are here.
  stdx::Status hear(const std::string& zhost, bool is_member, const v1::RecordsKnown& known);
  // The leader of the term says what it knows.
  stdx::Status hear_leader(const std::string& zhost, const v1::RecordsKnown& known);
  // What somebody knows is of a term before this lineage: an earlier leader's memory.
  bool is_over(const v1::RecordsKnown& known) const;
  // It has said what it knows since this control plane started. Who has not may know of a leader
  // that these records lack.
  bool has_registered(const std::string& zhost) const { return registered_.contains(zhost); }

  struct Members {
    std::set<std::string> all;   // that were not forgotten
    std::set<std::string> dead;  // of them: found dead by a leader
  };
  Opening opening(const Members& members, stdx::Instant now) const;
  void open() { phase_ = Phase::open; }
  // An operator recovered them.
  void recovered(const v1::LineageRecord& lineage, std::uint64_t counter, std::uint64_t term);

  Phase phase() const { return phase_; }
  bool is_open() const { return phase_ == Phase::open; }
  // For a person: why nothing is committed. Empty while open.
  std::string detail(const Members& members) const;
  stdx::Error refusal(const Members& members) const;

  const v1::LineageRecord& lineage() const { return lineage_; }
  std::uint64_t counter() const { return counter_; }
  v1::RecordsKnown known() const;

 private:
  // Empty: nothing of it is beyond these records.
  std::string beyond(const v1::RecordsKnown& known) const;
  bool is_of_other_records(const v1::RecordsKnown& known) const;
  stdx::Error go_behind(const std::string& who, const std::string& what);
  std::size_t registered_of(const std::set<std::string>& members) const;

  stdx::Instant started_;
  Phase phase_ = Phase::opening;
  v1::LineageRecord lineage_;
  std::uint64_t counter_ = 0, term_ = 0;
  // What reads showed, which are answered in order; a term may be taken in between.
  std::uint64_t read_counter_ = 0, read_term_ = 0;
  std::set<std::string> registered_, strangers_;
  std::string why_behind_;
};

// The record of a lineage that goes on from `of`, which ends at `last_counter`.
v1::LineageRecord next_lineage(const v1::LineageRecord& of, std::uint64_t last_counter,
                               std::string id);

const char* to_string(RecordsGuard::Phase phase);

}  // namespace controlplane
