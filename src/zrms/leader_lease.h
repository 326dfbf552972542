// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether this zrms leads, by compare-and-set on the term row (docs/protocol.md P6). There are no
// times in the row and no clocks are compared:
//
// - a holder renews each L/3 and counts 0.8 L from the *send* of its last good renewal; past that
//   it is no leader, whoever the row names;
// - after an unknown outcome, of a renewal or of a challenge, the row is read before anything else
//   is tried, and a read never extends the lease;
// - a challenger counts from the receipt of the first answer that showed the version; when that is
//   unchanged for 1.05 L it takes term + 1 by CAS on that version.
//
//                     read                     CAS good
//      unread ----------------> watching --------------------> holding
//        ^                        |  ^                          |  ^
//        | conflict     outcome   |  | read: another's  outcome |  | read: still ours
//        +---- any      unknown   v  |                  unknown v  |
//                     unsure_challenge                   unsure_renewal
//                                 +------ read: it is ours ----> holding, without a lease yet
//
// Pure: `next` says what to ask the control plane, `answered` takes the answer. One request at a
// time.

#include <cstdint>
#include <optional>
#include <string>

#include "stdx/result.h"
#include "stdx/time.h"

namespace zrms {

struct TermSeen {
  std::uint64_t term = 0;
  std::string holder;
  std::uint64_t version = 0;
};

class LeaderLease {
 public:
  struct Options {
    stdx::Duration lease = std::chrono::seconds(3);
    stdx::Duration read_interval = std::chrono::milliseconds(300);
  };
  struct Ask {
    bool is_read = true;
    // CAS:
    std::uint64_t expected_version = 0, term = 0;
  };

  // `self`: "<zhost>/<incarnation>/<zrms run>".
  LeaderLease(std::string self, Options options) : self_(std::move(self)), options_(options) {}

  // Only zhosts of the supers list challenge. One that holds the term and left the list renews no
  // more.
  void set_candidate(bool candidate) { candidate_ = candidate; }

  // What to ask now, if anything; the answer to the last question must have come.
  std::optional<Ask> next(stdx::Instant now);
  void answered(stdx::Result<TermSeen> answer, stdx::Instant now);

  bool leads(stdx::Instant now) const { return holds() && now < valid_until_; }
  // Some zhost holds the term, as far as the row tells: whoever does writes it thrice in a lease.
  bool someone_leads(stdx::Instant now) const {
    return leads(now) || (state_ != State::unread && seen_.term > 0 &&
                          now - version_seen_at_ < options_.lease * 3 / 2);
  }
  stdx::Instant valid_until() const { return valid_until_; }
  std::uint64_t term() const { return seen_.term; }
  // Grows each time leadership starts or starts again after it had lapsed: what was read before is
  // to be read anew, and every zhost gets a fresh lease (P5).
  std::uint64_t session() const { return session_; }

 private:
  enum class State {
    unread,            // nothing of the row is known: it is read first
    watching,          // another's term, or nobody's
    unsure_challenge,  // a challenge of ours may have taken it
    holding,           // the row is ours; whether we lead, valid_until_ says
    unsure_renewal,    // as `holding`, but its version is not known
  };
  void note_version(const TermSeen& seen, stdx::Instant now);
  void cas_failed(stdx::Code code, stdx::Instant now);
  void was_read(const TermSeen& seen, stdx::Instant now);
  void cas_done(const TermSeen& seen, stdx::Instant now);
  bool holds() const { return state_ == State::holding || state_ == State::unsure_renewal; }

  std::string self_;
  Options options_;
  bool candidate_ = false;
  State state_ = State::unread;
  TermSeen seen_;
  stdx::Instant version_seen_at_{};
  stdx::Instant valid_until_{};
  std::uint64_t session_ = 0;

  std::optional<Ask> asked_;
  stdx::Instant asked_at_{};
  stdx::Instant next_at_{};
};

}  // namespace zrms
