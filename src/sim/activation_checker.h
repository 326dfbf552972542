// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which copies of a space are there, by its own books: what zruns take up and end, and what
// operators were promised. It asks no leader and reads no record, so records that went back (P15)
// cannot hide anything from it.
//
//   S1   two zhosts never hold a space with the same epoch at the same time
//   P15  once all is healed, each space of a topology that was accepted and not ended since has one
//        copy, and each of one that was ended has none
//
// Pure; includes nothing of the product.

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sim {

class ActivationChecker {
 public:
  using Space = std::pair<std::string, std::string>;  // topology, space

  explicit ActivationChecker(std::function<void(std::string)> violate)
      : violate_(std::move(violate)) {}

  // `version`: of the topology that it runs.
  void began(const Space& space, std::uint64_t epoch, const std::string& zhost,
             std::uint64_t version);
  void ended(const Space& space, std::uint64_t epoch, const std::string& zhost);
  void zhost_gone(const std::string& zhost);

  // An operator had the answer that it is accepted; that it is to run no more.
  void accepted(const std::string& topology, std::vector<std::string> spaces);
  void given_up(const std::string& topology) { wanted_.erase(topology); }

  // Empty: every accepted space has exactly one copy.
  std::string missing_or_twice() const;

 private:
  std::function<void(std::string)> violate_;
  std::map<Space, std::map<std::string, std::uint64_t>> copies_;  // zhost, epoch
  std::map<std::string, std::vector<std::string>> wanted_;
  std::map<std::pair<Space, std::uint64_t>, std::uint64_t> versions_;  // by epoch
};

}  // namespace sim
