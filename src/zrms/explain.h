// SPDX-License-Identifier: Apache-2.0
#pragma once

// Why each space of a topology is on its zhost, or on none. Pure. It asks Placement, which places
// them, so there is no second copy of the rules.
//
// A topology may have 10,000 spaces, and each is looked at against every zhost: go_on does so many
// pairs of them that a slice takes a few milliseconds, and the leader does other things in between.
//
// Bounds of one answer: spaces_max spaces, those without a zhost first, each with at most
// zhosts_each zhosts, the best ones, and zhosts_max in all. What is left out is counted in
// `detail`.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "samoza/v1/explain.pb.h"
#include "zrms/placement.h"
#include "zrms/records.h"

namespace zrms {

class Explanation {
 public:
  static constexpr std::size_t spaces_max = 1000, zhosts_each = 50, zhosts_max = 2000;
  static constexpr std::size_t pairs_a_slice = 1000;

  // Of a topology in the records; `space`: only that one, empty: all.
  Explanation(std::string topology_id, std::string space, Candidates candidates);
  // Of one that is not submitted: where its spaces would go, one after the other.
  Explanation(std::shared_ptr<const model::Topology> spec, std::string space,
              Candidates candidates);

  // Looks at the next spaces. False: through.
  bool go_on(const Records& records);
  v1::ExplainReply take();

 private:
  void look_at(const Records& records, const TopologyRow& topology, std::uint32_t index);
  void look_at_new(std::uint32_t index);
  void keep(v1::SpaceExplained space, bool has_zhost);
  bool room_for(bool has_zhost) const;

  std::string id_, only_;
  std::shared_ptr<const model::Topology> spec_;  // not submitted
  model::TopologyIndex index_;                   // of spec_
  std::vector<std::string> new_places_;          // of spec_, by index
  Candidates candidates_;
  std::uint32_t next_ = 0;
  std::size_t pairs_ = 0;  // in this slice
  std::string name_;
  std::size_t counts_[2] = {0, 0};  // without a zhost, with one
  std::vector<v1::SpaceExplained> kept_[2];
  std::size_t zhosts_kept_[2] = {0, 0};
};

}  // namespace zrms
