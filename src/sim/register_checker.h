// SPDX-License-Identifier: Apache-2.0
#pragma once

// S5: where a space is placed is one linearizable register for every operator, at whatever zhost
// they ask. Epochs order the writes, and a write is known to be over when the leader says so, so no
// search is needed: a read must not give an older epoch than (a) a write that was over, or (b) a
// read that had its answer, before it began; and (c) an epoch names one zhost to all.
//
// Pure; includes nothing of the product. Calls come in the order of true time.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace sim {

struct PlacementSeen {
  std::string topology, space, zhost;  // zhost empty: on none that is told
  std::uint64_t epoch = 0;
};

class RegisterChecker {
 public:
  explicit RegisterChecker(std::function<void(std::string)> violate)
      : violate_(std::move(violate)) {}

  // A write is over: its leader says that it is committed.
  void written(const PlacementSeen& placement);
  // A read begins; what it gives is held against what was known then.
  using Read = std::uint64_t;
  Read begin();
  // Its answer came; one that never comes is forgotten with the checker.
  void answered(Read read, const std::vector<PlacementSeen>& placements);
  // It failed: it says nothing.
  void failed(Read read) { begun_.erase(read); }

  // The newest writes are gone for good: reads may give what was before them. An epoch that was
  // shown keeps naming one zhost.
  void records_lost();
  // The control plane went on with what is left of them.
  void records_opened();

  std::uint64_t reads() const { return reads_; }

 private:
  using Space = std::pair<std::string, std::string>;  // topology, space
  using Epochs = std::map<Space, std::uint64_t>;

  void place(const PlacementSeen& placement);

  std::function<void(std::string)> violate_;
  Epochs known_;  // the newest that a finished write or read has shown
  std::map<Read, Epochs> begun_;
  std::map<std::pair<Space, std::uint64_t>, std::string> places_;
  std::uint64_t next_ = 0, reads_ = 0;
  bool lost_ = false;
};

}  // namespace sim
