// SPDX-License-Identifier: Apache-2.0
#pragma once

// What this zhost reports to the leader: the whole at first, then what changed since the report
// that the leader answered last, so that a change costs the same however many spaces the zhost has.
// One report is under way at a time; what changes meanwhile goes with the next. Where an answer is
// lost, or the leader does not know what a report builds on, the whole goes again. Pure.
//
// Bound: what startz may hold (Gatekeeper::floors_max), once.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "samoza/v1/cluster.pb.h"

namespace zrms {

namespace v1 = samoza::v1;

class LocalReport {
 public:
  // What startz says: everything, what changed, or of its children only. False: something in
  // between did not come, so everything must be asked for.
  bool take(const v1::Snapshot& snapshot);
  bool knows_all() const { return sequence_known_; }
  // The archives on disk here, sorted.
  void archives(std::vector<std::string> sha256);
  // Reports go there from now on; where that is another zhost than before, the whole.
  void send_to(const std::string& zhost);
  const std::string& to() const { return to_; }
  // There is a leader that may know nothing.
  void send_whole() { base_ = 0; }

  // What to send now; none while an answer is awaited, or where there is nothing to say.
  // Needs a counter that was not sent yet: the newest that startz gave.
  std::optional<v1::ResourceReport> next();
  enum class Answer { taken, whole_wanted, lost };
  void answered(Answer answer);

 private:
  using Key = std::pair<std::string, std::string>;  // topology id, space

  void describe(const Key& key, v1::ResourceReport& report) const;

  std::map<Key, v1::SpaceReport> spaces_;
  std::map<Key, std::uint64_t> floors_;
  std::uint64_t counter_ = 0, incarnation_ = 0, highest_term_ = 0;
  std::uint64_t sequence_ = 0;  // of startz.changed
  bool sequence_known_ = false;
  std::vector<std::string> archives_;
  bool archives_changed_ = true;

  std::string to_;
  std::set<Key> changed_;   // since what was sent last
  std::uint64_t base_ = 0;  // counter of the report that the leader has; 0: none
  std::uint64_t sent_ = 0;  // counter of the last report
  bool under_way_ = false;
};

}  // namespace zrms
