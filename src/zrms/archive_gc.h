// SPDX-License-Identifier: Apache-2.0
#pragma once

// Finds archives that zhosts report and no topology refers to any more: those of deleted topologies
// (whose row stays until the last tombstone went, P13, and keeps its archives until then) and of
// submits that were refused after the archive was stored.
//
// A missing row alone says nothing (P13: the database may be another one, an older one, or
// emptied). So only what this leadership session saw released goes: an archive that a row referred
// to, or one that came to a zhost later than its first report. And nothing goes while a zhost runs
// a space of a topology that has no row. What was left over before the leadership session began
// stays.
//
// An archive goes once this leader has seen it unused for `unused_for` without a break, so that one
// of a submit under way stays; a zhost besides keeps what was stored or asked for there lately
// (zrms/blobs.h), which covers a leader that knows less than it thinks. Who refused is asked again
// after retry_after.
//
// Pure. Bounds: archives_max in one request, zhosts by Membership, archives by what reports hold.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "zrms/reconciler.h"

namespace zrms {

class ArchiveGc {
 public:
  static constexpr std::size_t archives_max = 100;

  struct Options {
    // Longer than a submit takes (45 s), with all that may be slow about it. Raising it costs disk.
    stdx::Duration unused_for = std::chrono::minutes(10);
    stdx::Duration retry_after = std::chrono::minutes(1);
  };
  struct Drop {
    std::string zhost;
    std::vector<std::string> archives;  // sorted
  };

  explicit ArchiveGc(Options options) : options_(options) {}

  // What to ask for at this look, in order of zhost.
  std::vector<Drop> plan(const Reconciler::View& view, stdx::Instant now);
  // Bounded by what zhosts report and what rows name.
  std::size_t remembered() const { return at_first_.size() + heard_.size(); }
  // A new leadership session: what a former one saw counts no more.
  void reset() { *this = ArchiveGc(options_); }

 private:
  void forget_gone(const Reconciler::View& view);
  bool was_released(const std::string& archive) const {
    return referred_to_.contains(archive) || !at_first_.contains(archive);
  }

  Options options_;
  std::set<std::string> referred_to_;                      // by a row of this leadership session
  std::set<std::pair<std::string, std::uint64_t>> heard_;  // zhost, incarnation
  std::set<std::string> at_first_;                         // in the first report of one of them
  std::map<std::string, stdx::Instant> unused_since_;
  std::map<std::pair<std::string, std::string>, stdx::Instant> asked_at_;  // zhost, archive
};

}  // namespace zrms
