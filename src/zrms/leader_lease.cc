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
  next_at_ = now + options_.read_interval;
  if (state_ == State::holding) {
    if (!candidate_) return std::nullopt;
    ask = {false, seen_.version, seen_.term};
    next_at_ = now + options_.lease / 3;
  } else if (state_ == State::watching && candidate_ &&
             (seen_.term == 0 || now - version_seen_at_ >= challenge_after)) {
    ask = {false, seen_.version, seen_.term + 1};
  }
  asked_ = ask;
  asked_at_ = now;
  return ask;
}

void LeaderLease::note_version(const TermSeen& seen, stdx::Instant now) {
  if (state_ == State::unread || seen.version != seen_.version) version_seen_at_ = now;
  seen_ = seen;
}

void LeaderLease::answered(stdx::Result<TermSeen> answer, stdx::Instant now) {
  ASSERT(asked_.has_value(), "an answer follows a question");
  const bool read = asked_->is_read;
  asked_.reset();
  if (!answer) {
    if (!read) cas_failed(answer.error().code, now);
    return;
  }
  if (read)
    was_read(*answer, now);
  else
    cas_done(*answer, now);
}

void LeaderLease::cas_failed(stdx::Code code, stdx::Instant now) {
  // It was not carried out: tried again with the next step, and no sooner.
  if (code == stdx::Code::unavailable || code == stdx::Code::full) return;
  next_at_ = now;
  // After a conflict another changed the row: which one, a read will tell. Without one the same
  // version would be tried for ever, and nobody could follow a leader that dies.
  if (code == stdx::Code::conflict)
    state_ = State::unread;
  else
    state_ = holds() ? State::unsure_renewal : State::unsure_challenge;
}

void LeaderLease::was_read(const TermSeen& seen, stdx::Instant now) {
  const bool ours = seen.holder == self_;
  const bool same_term = seen.term == seen_.term;
  note_version(seen, now);
  // A term that an unknown challenge of ours did take is ours to renew; reading extends nothing.
  const bool renews = (state_ == State::unsure_renewal && ours && same_term) ||
                      (state_ == State::unsure_challenge && ours);
  if (state_ == State::unsure_renewal || state_ == State::unsure_challenge) next_at_ = now;
  state_ = renews ? State::holding : State::watching;
}

void LeaderLease::cas_done(const TermSeen& seen, stdx::Instant now) {
  const bool led = leads(now);
  note_version(seen, now);
  state_ = State::holding;
  // From the send: the answer may have been long under way.
  valid_until_ =
      (PLANTED(P6_from_receipt) ? now + options_.lease : asked_at_) + options_.lease * 8 / 10;
  if (!led) ++session_;
  next_at_ = asked_at_ + options_.lease / 3;
}

}  // namespace zrms
