// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which zhosts are to keep a copy of the records, and since when the newest records have none. A
// round sends one state of the records to `zhosts_max` zhosts: first to those that kept an earlier
// copy, so that copies do not wander, then by id. A zhost that refuses is asked again in the next
// round. A zhost that keeps the newest copy and is away is replaced. Pure.

#include <optional>
#include <set>
#include <string>

#include "samoza/v1/controlplane.pb.h"
#include "stdx/time.h"

namespace controlplane {

namespace v1 = samoza::v1;

class CopyPlan {
 public:
  // Intervals without a copy of the newest records after which somebody should look.
  static constexpr int overdue_after = 3;

  struct Time {
    stdx::Instant now{};
    stdx::WallTime wall{};
  };

  CopyPlan(stdx::Duration interval, std::size_t zhosts_max)
      : interval_(interval), zhosts_max_(zhosts_max) {}

  // What the records are now.
  void records_are(const v1::RecordsKnown& known, Time now);

  void begin_round(const std::set<std::string>& linked);
  // The zhost that is to be sent the newest records next; empty: enough keep them, or no other
  // zhost is left. `linked` is without the control plane's own zhost.
  std::string next(const std::set<std::string>& linked) const;
  // `of`: what was copied, as it was at `taken`.
  void kept(const std::string& zhost, const v1::RecordsKnown& of, Time taken);
  void refused(const std::string& zhost) { refused_.insert(zhost); }

  bool has_newest_copy() const { return !uncopied_since_; }
  // Since when the newest records have no copy, where that is overdue.
  std::optional<stdx::WallTime> overdue(stdx::Instant now) const;
  // When the newest copy was made.
  const std::optional<Time>& newest() const { return newest_; }

 private:
  stdx::Duration interval_;
  std::size_t zhosts_max_;
  v1::RecordsKnown now_, copied_;
  std::set<std::string> holders_;  // of copied_
  std::set<std::string> former_;   // of an earlier copy
  std::set<std::string> refused_;  // in this round
  std::set<std::string> took_;     // the copy of this round, whatever has changed since
  std::optional<Time> uncopied_since_, newest_;
};

}  // namespace controlplane
