// SPDX-License-Identifier: Apache-2.0
#pragma once

// Operators at work while faults happen: topologies come, stop, start again and go; and they look
// where things are, often: a read that is to be stale must meet the moment (S5).

#include <string>
#include <vector>

#include "sim/cluster.h"

namespace sim {

class Operators {
 public:
  Operators(Cluster& cluster, std::uint64_t seed)
      : cluster_(cluster), prng_(seed * 77 + 5), looks_(seed * 131 + 7) {}
  void start(stdx::Instant until);
  // At any zhost now and then, and at one that just took the term: what it knows may be old.
  void look(stdx::Instant until);
  void submit(std::size_t at);

 private:
  struct Topology {
    std::string id, name;
    samoza::v1::TopologySpec spec;
  };
  void act();
  // The next version of it: some of its spaces get another config and other limits, so they are
  // replaced.
  void update(std::size_t at, Topology& topology);

  Cluster& cluster_;
  stdx::Prng prng_, looks_;
  std::vector<Topology> ids_;
  int next_ = 0;
};

}  // namespace sim
