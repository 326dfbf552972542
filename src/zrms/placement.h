// SPDX-License-Identifier: Apache-2.0
#pragma once

// Chooses a zhost for a space (R-COMP-3, R-PLACE-1..6): filter, then score, then the smallest id.
// Every zhost that was passed over has a reason, one line each. The same rules tell of every zhost
// which of them it breaks and what its score comes from. A pure function of plain values.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/topology.h"
#include "model/topology_index.h"

namespace zrms {

struct Candidate {
  std::string zhost;
  bool available = true;    // may take new spaces now
  std::string unavailable;  // why not
  bool lost = false;        // nor does what is placed there run
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
  const model::TopologyIndex& index;
  std::uint32_t space;
  // Where another space of the topology is, by its index; null: nowhere. Asked only for those that
  // a path or a rule ties to this one.
  std::function<const std::string*(std::uint32_t)> where;
  // The only zhost it may go to, such as the one that has its data; empty: any.
  std::string only_on;
  // A zhost to avoid where there is another.
  std::string avoid;
};

struct PlacementChoice {
  std::optional<std::string> zhost;
  // "zhost-2: no device 'camera'", in order of zhosts; all of them where none was chosen.
  std::vector<std::string> refusals;
};

// What the rules say of one zhost and a space.
struct ZhostFit {
  struct Broken {
    std::string rule;    // as in PlacementChoice::refusals, without the zhost
    std::string change;  // what would have to be otherwise, with figures
  };
  std::string zhost;
  std::vector<Broken> broken;  // none: it fits
  bool elsewhere = false;      // it may be on another zhost alone
  long points = 0;             // lower is better
  std::vector<std::string> preferences;
};

// The zhosts of one plan, in order of their load. A choice looks at those that the space's
// neighbours are on and at the others from the emptiest on, until one takes it.
class Candidates {
 public:
  explicit Candidates(std::vector<Candidate> list);

  const std::vector<Candidate>& list() const { return list_; }  // in order of zhost
  const Candidate* find(const std::string& zhost) const;
  PlacementChoice choose(const PlacementRequest& request) const;
  // Every zhost, by the same rules: those that fit first, the one that `choose` takes at the front;
  // then those that break the fewest.
  std::vector<ZhostFit> explain(const PlacementRequest& request) const;
  // A space was placed there.
  void promise(const std::string& zhost, const model::Space& space);
  // One that was placed there makes room for its next instance.
  void give_back(const std::string& zhost, const model::Space& space);
  // All idle and there: what refuses a space then can never take it. For submit.
  Candidates ever() const;
  // Candidates and neighbours that were looked at so far, for tests of growth.
  std::uint64_t looks() const { return looks_; }

 private:
  std::size_t index_of(const std::string& zhost) const;  // list_.size(): none
  struct Neighbours;
  Neighbours neighbours_of(const PlacementRequest& request,
                           std::map<std::size_t, std::vector<std::string>>* notes) const;
  // Each rule that the zhost breaks, until `tell` says that it has heard enough.
  template <typename Tell>
  void each_broken(const PlacementRequest& request, std::size_t index, const Neighbours& near,
                   Tell tell) const;
  long points_of(std::size_t index, const Neighbours& near) const;

  std::vector<Candidate> list_;
  std::set<std::pair<std::size_t, std::size_t>> by_load_;  // spaces there, index
  mutable std::uint64_t looks_ = 0;
};

// Nothing when the zhosts together have room for a topology of so many spaces, by the number that
// each takes; else one line that names the limit and the zhosts that are full or nearly.
std::string no_room_for(const model::Topology& topology, const std::vector<Candidate>& candidates);

}  // namespace zrms
