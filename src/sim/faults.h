// SPDX-License-Identifier: Apache-2.0
#pragma once

// What breaks while a scenario runs: single faults (faults.cc) and stories (fault_stories.cc),
// which are the few things in a row that a rule protects against and that chance alone hardly ever
// puts together. A story breaks only what a single fault may break, too.
//
// It has a generator of its own, so that a change of the product's own draws does not give another
// series of faults. Owned by the scenario; must outlive the run of the world.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/cluster.h"
#include "sim/scenario.h"

namespace sim {

class Faults {
 public:
  Faults(Cluster& cluster, const ScenarioOptions& options)
      : cluster_(cluster),
        options_(options),
        prng_(options.seed * 2654435761u + 17),
        disk_prng_(options.seed * 2654435761u + 29) {}

  // Before anything is placed: in one run of five no data link can be made, so that all messages go
  // through the zmeshes.
  void begin();
  void start(stdx::Instant until);
  // Everything works again, and stays so.
  void heal();
  std::uint64_t count() const { return count_; }
  std::function<void(std::size_t zhost)> submit;  // an operator hands in a topology there

 private:
  std::size_t zhost() { return prng_.below(cluster_.size()); }
  stdx::Duration ms(int low, int high) {
    return std::chrono::milliseconds(prng_.between(low, high));
  }
  // What is still to come when the time of faults is over does not come.
  void later(stdx::Duration delay, std::function<void()> what);
  // Looks each 100 ms; nothing happens when it is not so within `bound`.
  void when(std::function<bool()> so, stdx::Duration bound, std::function<void()> what);
  void tell(const std::string& what);
  void next();
  void strike();
  void story();
  void cut_both(const std::string& a, const std::string& b);
  void heal_both(const std::string& a, const std::string& b);
  // All zhosts and the control plane but those.
  std::vector<std::string> all_but(const std::vector<std::string>& ids) const;
  // As long as it lasts, and a moment after, it may silence somebody.
  void disturb_for(stdx::Duration length, std::vector<std::string> ids);
  // Whenever it is there, for so long: restarts in place back off past the grace.
  void crash_for(stdx::Duration length, std::size_t zhost, const std::string& name);

  // --- single faults ---
  void crash();
  void kill();
  void cut();
  void pause();
  void database();
  void emptied();
  void filled();
  void control_plane();
  void weather();
  void no_data_link();
  void wall_clock();
  void disks();
  void disk();
  void records_back();
  void records_put_right();
  struct LostTail;
  void lost_tail();
  void watch_tail(const std::shared_ptr<LostTail>& tail, int looks);
  void lose_tail(const std::shared_ptr<LostTail>& tail);
  void recover_when_behind();

  // --- stories ---
  void usurp();
  void interregnum();
  void swing();
  void island();

  Cluster& cluster_;
  const ScenarioOptions& options_;
  stdx::Prng prng_;
  stdx::Prng disk_prng_;  // their own, so that the others stay as they are
  stdx::Instant until_{};
  std::uint64_t count_ = 0;
  using Content = adapters::store_memory::Database::Content;
  Content older_;                  // a copy of a moment ago
  bool recover_at_end_ = false;    // part of the records was lost for good
  std::optional<Content> newest_;  // what was in the database when an older one was put in
};

}  // namespace sim
