// SPDX-License-Identifier: Apache-2.0
#pragma once

// Invariants of paths with `delivery: once` (docs/delivery.md), from what the guests at their ends
// do and see; it includes nothing of the product. Messages of such a topology are numbered from 1
// by their source, and every space keeps in its data the number of the last one that took effect.
//
//   once  a message comes to a turn exactly when the one before it has taken effect and it has not:
//         no effect twice, none left out, in order, whoever died meanwhile; and it is never flagged
//   data  what a turn committed is there for every later one
//   flow  after healing, every such path brings new messages again
//
// The first violation is given to `violate`; owned by the Cluster.

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/delivery_checker.h"

namespace sim {

class OnceChecker {
 public:
  explicit OnceChecker(std::function<void(std::string)> violate) : violate_(std::move(violate)) {}

  // A turn of `self` reads its data: `stored` took effect last.
  void found(const Placement& self, std::uint64_t stored);
  // A message that the turn works on.
  void took(const Placement& self, std::uint64_t number, std::uint64_t stored, bool flagged);

  // It failed as often as it may and is a dead letter: the next one follows the one before it.
  void buried(const std::string& topology, const std::string& receiver, std::uint64_t number) {
    buried_[{topology, receiver}].insert(number);
  }

  // --- after healing ---
  void mark() { marked_ = seen_; }
  // True once the receiver of every `once` way got further since.
  bool flowing(const std::vector<Way>& ways, std::string* why) const;
  std::uint64_t messages() const { return messages_; }

 private:
  using Space = std::pair<std::string, std::string>;
  std::function<void(std::string)> violate_;
  std::map<Space, std::uint64_t> seen_, marked_;
  std::map<Space, std::set<std::uint64_t>> buried_;
  std::uint64_t messages_ = 0;
};

}  // namespace sim
