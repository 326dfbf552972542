// SPDX-License-Identifier: Apache-2.0
#pragma once

// Chooses a zhost for a space (R-COMP-3, R-PLACE-1..6): filter, then score, then the smallest id.
// Every zhost that was passed over has a reason, one line each. A pure function of plain values.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/topology.h"

namespace zrms {

struct Candidate {
  std::string zhost;
  bool available = true;    // may take new spaces now
  std::string unavailable;  // why not
  std::string region;
  std::map<std::string, std::string> labels;
  std::vector<std::string> devices;
  std::uint64_t memory_bytes = 0;           // 0: not known, no bound
  std::uint64_t memory_promised_bytes = 0;  // limits of what is placed there
  std::size_t spaces = 0;                   // placed there, of all topologies
  std::size_t spaces_max = 0;               // zrun.limits.spaces there; 0: not known, no bound
};

struct PlacementRequest {
  const model::Topology& topology;
  const model::Space& space;
  // Where the other spaces of the topology are.
  const std::map<std::string, std::string>& placed;
  // The only zhost it may go to, such as the one that has its data; empty: any.
  std::string only_on;
  // A zhost to avoid where there is another.
  std::string avoid;
};

struct PlacementChoice {
  std::optional<std::string> zhost;
  std::vector<std::string> refusals;  // "zhost-2: no device 'camera'"
};

PlacementChoice choose(const PlacementRequest& request, const std::vector<Candidate>& candidates);

// Nothing when the zhosts together have room for a topology of so many spaces, by the number that
// each takes; else one line that names the limit and the zhosts that are full or nearly.
std::string no_room_for(const model::Topology& topology, const std::vector<Candidate>& candidates);

// What can never be, however idle the cluster is: for submit.
PlacementChoice choose_ever(const PlacementRequest& request, std::vector<Candidate> candidates);

}  // namespace zrms
