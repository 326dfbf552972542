// SPDX-License-Identifier: Apache-2.0
#pragma once

// Finds archives that zhosts report and no topology refers to any more: those of deleted topologies
// (whose row stays until the last tombstone went, P13, and keeps its archives until then) and of
// submits that were refused after the archive was stored.
//
// An archive goes once this leader has seen it unused for `unused_for` without a break, so that one
// of a submit under way stays; a zhost besides keeps what was stored or asked for there lately
// (zrms/blobs.h), which covers a leader that knows less than it thinks. Who refused is asked again
// after retry_after.
//
// Pure. Bounds: archives_max in one request, zhosts by Membership, archives by what a report holds.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "zrms/reconciler.h"

namespace zrms {

class ArchiveSweeper {
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

  explicit ArchiveSweeper(Options options) : options_(options) {}

  // What to ask for at this look, in order of zhost.
  std::vector<Drop> plan(const Reconciler::View& view, stdx::Instant now);
  // A new reign: what a former one saw counts no more.
  void reset() { *this = ArchiveSweeper(options_); }

 private:
  Options options_;
  std::map<std::string, stdx::Instant> unused_since_;
  std::map<std::pair<std::string, std::string>, stdx::Instant> asked_at_;  // zhost, archive
};

}  // namespace zrms
