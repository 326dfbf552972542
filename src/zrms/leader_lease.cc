// SPDX-License-Identifier: Apache-2.0
#include "zrms/leader_lease.h"

#include "stdx/assert.h"
#include "stdx/plant.h"

namespace zrms {

std::optional<LeaderLease::Ask> LeaderLease::next(stdx::Instant now) {
  if (asked_ || now < next_at_) return std::nullopt;
  Ask ask;
  const auto challenge_after =
      PLANTED(P6_challenge) ? options_.lease / 3 : options_.lease * 105 / 100;
  if (holds_ && !version_unknown_) {
    if (!candidate_) return std::nullopt;
    ask = {false, seen_.version, seen_.term};
    next_at_ = now + options_.lease / 3;
  } else if (!holds_ && candidate_ && ever_read_ &&
             (seen_.term == 0 || now - version_seen_at_ >= challenge_after)) {
    ask = {false, seen_.version, seen_.term + 1};
    next_at_ = now + options_.read_interval;
  } else {
    next_at_ = now + options_.read_interval;
  }
  asked_ = ask;
  asked_at_ = now;
  return ask;
}

void LeaderLease::note_version(const TermSeen& seen, stdx::Instant now) {
  if (!ever_read_ || seen.version != seen_.version) version_seen_at_ = now;
  ever_read_ = true;
  seen_ = seen;
}

void LeaderLease::answered(stdx::Result<TermSeen> answer, stdx::Instant now) {
  ASSERT(asked_.has_value(), "an answer follows a question");
  const Ask asked = *asked_;
  asked_.reset();
  if (!answer) {
    const auto code = answer.error().code;
    if (asked.is_read) return;
    if (code == stdx::Code::conflict) {
      // Somebody else changed the row: whose it is, a read will tell. Without one the same version
      // would be tried for ever, and nobody could follow a leader that dies.
      lose();
      ever_read_ = false;
      version_unknown_ = false;
      next_at_ = now;
    } else if (code != stdx::Code::unavailable) {
      // It may have been carried out. The version is read before anything else is tried.
      version_unknown_ = true;
      next_at_ = now;
    }
    return;
  }
  if (asked.is_read) {
    const bool was_ours = holds_ && answer->holder == self_ && answer->term == seen_.term;
    note_version(*answer, now);
    // A term that an unknown challenge of ours did take is ours to renew; reading extends nothing.
    const bool taken = version_unknown_ && answer->holder == self_;
    if (holds_ && !was_ours) lose();
    if (taken) holds_ = true;
    if (version_unknown_) next_at_ = now;
    version_unknown_ = false;
    return;
  }
  note_version(*answer, now);
  version_unknown_ = false;
  const bool led = holds_ && now < valid_until_;
  holds_ = true;
  // From the send: the answer may have been long under way.
  valid_until_ =
      (PLANTED(P6_from_receipt) ? now + options_.lease : asked_at_) + options_.lease * 8 / 10;
  if (!led) ++reign_;
  next_at_ = asked_at_ + options_.lease / 3;
}

}  // namespace zrms
