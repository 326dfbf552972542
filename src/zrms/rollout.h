// SPDX-License-Identifier: Apache-2.0
#pragma once

// How far an update of one topology is: which spaces still run in their former version, which were
// replaced and are being tried out, which are to leave. A replaced space has passed once it ran for
// pass_after without a restart; until then it is on trial, and at most `width` are. Spaces that an
// update removes leave last, so that going back loses nothing of them.
//
// Pure; by index of the space.

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "stdx/time.h"

namespace zrms {

class Rollout {
 public:
  using Index = std::uint32_t;
  static constexpr stdx::Duration pass_after = std::chrono::seconds(1);
  // One after the other in a topology of the common size; a large one would take hours so.
  static constexpr std::size_t spaces_for_each_at_once = 32;

  void forget(Index index) {
    older_.erase(index);
    leaving_.erase(index);
  }
  // It is of a former version; also where it was to be replaced and was not.
  void note_older(Index index) {
    older_.insert(index);
    trial_.erase(index);
  }
  // It is to leave, and has not.
  void note_leaving(Index index) { leaving_.insert(index); }
  // It was placed in this version, and does not run yet.
  void note_placed(Index index) {
    if (!passed_.contains(index)) trial_[index] = {};
  }
  // It runs in this version. True while it is on trial.
  bool note_running(Index index, stdx::Instant now) {
    if (passed_.contains(index)) return false;
    auto& since = trial_[index];
    if (since == stdx::Instant{}) since = now;
    if (now - since < pass_after) return true;
    trial_.erase(index);
    passed_.insert(index);
    return false;
  }
  void note_failed(std::string why) {
    if (failed_.empty()) failed_ = std::move(why);
  }

  bool has_passed(Index index) const { return passed_.contains(index); }
  bool is_on_trial(Index index) const { return trial_.contains(index); }
  const std::string& failed() const { return failed_; }
  // The next one to be replaced; none while enough are on trial.
  const Index* next(std::size_t spaces) const {
    const auto width = std::max<std::size_t>(1, spaces / spaces_for_each_at_once);
    return older_.empty() || trial_.size() >= width ? nullptr : &*older_.begin();
  }
  void replaced(Index index) {
    older_.erase(index);
    passed_.erase(index);
    trial_[index] = {};
  }
  // Every space that stays is of this version and has passed.
  bool is_through() const { return older_.empty() && trial_.empty(); }
  const std::set<Index>& leaving() const { return leaving_; }

 private:
  std::set<Index> older_, leaving_, passed_;
  std::map<Index, stdx::Instant> trial_;  // since when it runs
  std::string failed_;
};

}  // namespace zrms
