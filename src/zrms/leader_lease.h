// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether this zrms leads, by compare-and-set on the term row (docs/protocol.md P6). There are no
// times in the row and no clocks are compared:
//
// - a holder renews each L/3 and counts 0.8 L from the *send* of its last good renewal; past that
// it
//   is no leader, whoever the row names;
// - after an unknown outcome it reads the version again and renews: a read never extends the lease;
// - a challenger counts from the receipt of the first answer that showed the version; when that is
//   unchanged for 1.05 L it takes term + 1 by CAS on that version.
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

  bool leads(stdx::Instant now) const { return holds_ && now < valid_until_; }
  stdx::Instant valid_until() const { return valid_until_; }
  std::uint64_t term() const { return seen_.term; }
  // Grows each time leadership starts or starts again after it had lapsed: what was read before is
  // to be read anew, and every zhost gets a fresh lease (P5).
  std::uint64_t reign() const { return reign_; }

 private:
  void lose() { holds_ = false; }
  void note_version(const TermSeen& seen, stdx::Instant now);

  std::string self_;
  Options options_;
  bool candidate_ = false;
  TermSeen seen_;
  bool ever_read_ = false;
  stdx::Instant version_seen_at_{};
  bool holds_ = false;
  bool version_unknown_ = false;  // after an unknown outcome
  stdx::Instant valid_until_{};
  std::uint64_t reign_ = 0;

  std::optional<Ask> asked_;
  stdx::Instant asked_at_{};
  stdx::Instant next_at_{};
};

}  // namespace zrms
