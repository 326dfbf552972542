// SPDX-License-Identifier: Apache-2.0
#pragma once

// Keeps the archives of each topology on the disks of min(3, N) zhosts, N being those that live
// (ARCHITECTURE.md, What one change costs). Submit makes the first replicas; when one is lost for
// good, or too few held it and a zhost joined, another zhost is asked to fetch the archives from
// those that have them, and the row then names it.
//
// A replica counts as lost once it was dead, no member any more, or without one of the archives in
// its reports, for `lost_after`: a restart copies nothing, and a report that was cut at its bound
// (zrms/reported_archives.h) does not say that what lies beyond is missing. It leaves the row only
// when another has taken its place, so that the row never names fewer than there are. A zhost that
// runs a space and so has the archive already is asked first.
//
// Pure, and idempotent: a copy that is asked for twice is a question whether it is there. Bounds:
// copies_max under way in the cluster, changes_max rows a plan; a copy that failed is tried again,
// with another zhost where there is one, after retry_after. What no topology
// refers to any more is another matter (zrms/archive_gc.h).

#include <map>
#include <set>
#include <string>
#include <vector>

#include "zrms/reconciler.h"

namespace zrms {

class ReplicaRepair {
 public:
  static constexpr std::size_t sources_max = 8;  // that one copy names

  struct Options {
    stdx::Duration lost_after = std::chrono::seconds(30);
    stdx::Duration retry_after = std::chrono::seconds(10);
    std::size_t copies_max = 4;
    std::size_t changes_max = 100;
  };
  struct Copy {
    std::string topology, target;
    std::vector<std::string> archives;
    std::vector<std::string> from;  // live zhosts that have some of them, at least one
  };
  struct Plan {
    std::vector<Copy> copies;        // to ask for at this look
    std::vector<RowChange> changes;  // rows with their new replicas
  };

  explicit ReplicaRepair(Options options) : options_(options) {}

  Plan plan(const Reconciler::View& view, stdx::Instant now);
  // The answer to a copy of the plan.
  void copied(const Copy& copy, bool good, stdx::Instant now);
  void reset() { *this = ReplicaRepair(options_); }

 private:
  using Key = std::pair<std::string, std::string>;  // topology id, zhost
  struct Work;

  bool lost(const Work& work, const std::string& topology, const std::string& replica,
            const std::vector<std::string>& archives);
  void keep(Work& work, const TopologyRow& row);
  void forget_gone(const Records& records);

  Options options_;
  std::map<Key, stdx::Instant> missing_since_;
  std::map<Key, stdx::Instant> failed_at_;
  std::set<Key> under_way_;
  std::set<Key> arrived_;  // copied, not yet in the row
};

}  // namespace zrms
