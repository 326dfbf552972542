// SPDX-License-Identifier: Apache-2.0
#pragma once

// Invariants over what can be seen from outside: which instance starts and ends where, and the log
// lines of the services. It includes nothing of the product. The first violation is kept.
//
//   S1/S2  an epoch of a space lives on one (zhost, incarnation); epochs placed only grow
//   P3/P4  what startz gave up, or a stop ended, does not start again with the same epoch
//   S3     one leader at a time; terms only grow, each is taken once
//   S4     a startz that took a command of term t takes none of a lower term
//   S11    no zhost dies that was reachable and running all the time (S12: a lost database alone)
//   S13    no beat with a lower counter or older incarnation is taken after a higher one
//   P8     an instance is stopped only when a newer one ran
//   brake  never more than half of three or more zhosts within 5 s, unless silent for the brake too

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>

#include "stdx/time.h"

namespace sim {

struct Instance {
  std::string zhost;
  std::uint64_t incarnation = 0;
  std::string topology, space;
  std::uint64_t epoch = 0;
  std::uint32_t run = 0;
};

class Checker {
 public:
  explicit Checker(std::size_t zhosts, stdx::Duration timeout)
      : zhosts_(zhosts), timeout_(timeout) {}

  // --- what happened, with true time ---
  // zrun took it; its guest runs for the first time.
  void started(const Instance& instance);
  void dispatches(const Instance& instance);
  void stopped_by_command(const Instance& instance);
  void zrun_given_up(const std::string& zhost, std::uint64_t incarnation);
  void leaders(const std::set<std::string>& holders);
  void term_taken(std::uint64_t term, const std::string& holder);
  void space_placed(const std::string& topology, const std::string& space, std::uint64_t epoch,
                    const std::string& zhost);
  void command_taken(const std::string& startz, std::uint64_t term);
  void beat_taken(const std::string& zrms, const std::string& zhost, std::uint64_t incarnation,
                  std::uint64_t counter);
  void zhost_dead(const std::string& judge, const std::string& zhost, std::int64_t silence_ms,
                  const std::string& evidence, stdx::Instant now);
  // A fault began or ended that may silence the zhost (or make it deaf).
  void disturbed(const std::string& zhost, stdx::Instant now) { disturbed_[zhost] = now; }
  // All of it is gone, until it is `present` again.
  void absent(const std::string& zhost) { absent_.insert(zhost); }
  void present(const std::string& zhost) { absent_.erase(zhost); }
  // A new life of the zhost begins: it is no member, and beats to nobody, before it has registered.
  void begins(const std::string& zhost) { unregistered_.insert(zhost); }
  void registered(const std::string& zhost, stdx::Instant now) {
    if (unregistered_.erase(zhost) > 0) disturbed(zhost, now);
  }
  // An operator stopped or deleted it: its instances may end.
  void topology_ended(const std::string& topology) { ended_.insert(topology); }

  const std::string& violation() const { return violation_; }
  void violate(std::string what) {
    if (violation_.empty()) violation_ = std::move(what);
  }

 private:
  using Space = std::pair<std::string, std::string>;
  using Life = std::pair<Space, std::uint64_t>;        // space, epoch
  using Home = std::pair<std::string, std::uint64_t>;  // zhost, incarnation

  std::size_t zhosts_;
  stdx::Duration timeout_;
  std::map<Life, Home> homes_;
  std::map<Home, std::set<Life>> lives_;
  std::set<std::pair<Home, Life>> over_;  // given up or stopped there
  std::map<Space, std::uint64_t> newest_running_, newest_placed_;
  std::map<std::uint64_t, std::string> terms_;
  std::map<std::string, std::uint64_t> command_terms_;
  std::map<std::pair<std::string, std::string>, std::pair<std::uint64_t, std::uint64_t>> beats_;
  struct Death {
    stdx::Instant at;
    std::int64_t silence_ms;
    std::string zhost;
  };
  std::map<std::string, std::deque<Death>> deaths_;
  std::map<std::string, stdx::Instant> disturbed_;
  std::set<std::string> absent_, unregistered_, ended_;
  std::string violation_;
};

}  // namespace sim
