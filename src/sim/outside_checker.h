// SPDX-License-Identifier: Apache-2.0
#pragma once

// Invariants of messages from outside that have an id (docs/delivery.md), from what callers hear
// and what guests do; it includes nothing of the product.
//
//   answered  what a caller hears was answered to a message with that id
//   same      two callers with one id hear the same of one instance
//   once      an instance takes a message with an id once; again only as a repeat after it failed
//
// The first violation is given to `violate`; owned by the Cluster.

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "sim/delivery_checker.h"

namespace sim {

class OutsideChecker {
 public:
  explicit OutsideChecker(std::function<void(std::string)> violate)
      : violate_(std::move(violate)) {}

  // A guest took it, flagged as redelivered or not.
  void took(const Placement& self, const std::string& id, bool flagged);
  // It gives that answer, which nobody gave before.
  void answers(const Placement& self, const std::string& id, const std::string& answer);
  // A caller heard it.
  void heard(const std::string& id, const std::string& answer);
  std::uint64_t answers_heard() const { return heard_; }

 private:
  using Taken = std::pair<Placement, std::string>;
  std::function<void(std::string)> violate_;
  std::set<Taken> taken_;
  std::map<std::string, Taken> answers_;      // who gave each, to which id
  std::map<Taken, std::string> heard_first_;  // of that instance and id
  std::uint64_t heard_ = 0;
};

}  // namespace sim
