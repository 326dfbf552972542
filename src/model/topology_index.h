// SPDX-License-Identifier: Apache-2.0
#pragma once

// What stands beside what in a topology, looked up instead of searched: spaces by name, and for
// each space the others that a path or a placement rule ties to it. Made once for a topology that
// does not change any more, in time proportional to its spaces, paths and rules. A value.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/topology.h"

namespace model {

class TopologyIndex {
 public:
  struct Ties {
    // Rules bind both spaces, whichever of the two names the other.
    std::vector<std::uint32_t> anti_affinity, prefer_apart, affinity;
    std::vector<std::uint32_t> paths;    // the other end, once for each path
    std::vector<std::uint32_t> senders;  // of paths that lead here
    bool once = false;                   // an end of a path with delivery `once`
  };

  TopologyIndex() = default;
  explicit TopologyIndex(const Topology& topology);

  // None for a name that is not there; the first of equal names.
  int find(std::string_view name) const;
  const Ties& ties(std::uint32_t space) const { return ties_[space]; }
  std::size_t size() const { return ties_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>()(name);
    }
  };
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> by_name_;
  std::vector<Ties> ties_;
};

}  // namespace model
