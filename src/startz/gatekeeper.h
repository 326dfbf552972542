// SPDX-License-Identifier: Apache-2.0
#pragma once

// What startz remembers of commands, for its lifetime (P3, P4): the highest term, per space the
// floor (highest epoch placed or stopped), and the spaces that zrun is to run. Every command passes
// here on its way to zrun, so a restart of zrun forgets nothing. Pure.
//
// Bounds: `spaces_max` spaces placed (zrun.limits.spaces; the leader knows it, so that a submit is
// refused before), and floors_max floors; a place past either is refused. Floors of deleted spaces
// go before that, once a later term than the one that deleted them was seen: topology ids are never
// reused (P13), no later leader has a row that could make it place such a space, and what an
// earlier leader sent is refused by its term, however late it comes (P4). A leader that still waits
// for the floor sends its stop again. So at most floors_max spaces may live and be deleted here
// within one term.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "samoza/v1/cluster.pb.h"
#include "wire/states.h"

namespace startz {

namespace v1 = samoza::v1;

class Gatekeeper {
 public:
  static constexpr std::size_t floors_max = 20'000;  // and what a report holds fits one frame
  using Key = std::pair<std::string, std::string>;   // topology id, space

  Gatekeeper(std::string zhost, std::uint64_t incarnation, std::size_t spaces_max = floors_max)
      : zhost_(std::move(zhost)), incarnation_(incarnation), spaces_max_(spaces_max) {}

  struct Placed {
    v1::PlaceCommand command;  // without its topology
    // A TopologySpec as bytes, which are not read here. One for all spaces of a topology that came
    // with the same: it may have 10,000 of them and be megabytes long.
    std::shared_ptr<const std::string> topology;
    v1::SpaceReport report;      // newest state known
    std::uint32_t sent_run = 0;  // the zrun start that took the command; 0: none yet
  };

  // Accepted: `placed()` has it now. Never throws a newer epoch away.
  v1::CommandReply place(const v1::PlaceCommand& command);
  // The same for commands of a batch, whose topology came beside them.
  v1::CommandReply place(const v1::PlaceCommand& command, const std::string& topology);
  // Accepted: the epoch is the floor now, and the caller tells zrun to stop the space.
  v1::CommandReply stop(const v1::StopCommand& command);
  // A state from zrun. True when it is news of an instance that is placed.
  bool report(const v1::SpaceReport& report);
  // zrun is down for good (P3): nothing of it comes back without a new command.
  void drop_all() {
    placed_.clear();
    texts_.clear();
  }
  // zrun died and may be restarted in place.
  void mark_restarting();

  std::map<Key, Placed>& placed() { return placed_; }
  const std::map<Key, Placed>& placed() const { return placed_; }
  std::uint64_t highest_term() const { return highest_term_; }
  // The control plane told of it: what an earlier leader sent is refused from here on.
  void term_seen(std::uint64_t term) { highest_term_ = std::max(highest_term_, term); }
  // Of spaces that are not placed here: for those, the epoch that is placed is the floor.
  std::vector<v1::Floor> floors() const;
  // What a report says of that space now.
  void describe(const Key& key, v1::Snapshot& out) const;

 private:
  struct Floor {
    std::uint64_t epoch = 0;
    std::uint64_t buried_in = 0;  // term of the command that removed its data; 0: it may come again
  };
  std::shared_ptr<const std::string> shared(const std::string& id, const std::string& topology);
  void forget_texts(const std::string& id);
  bool has_room();
  // Empty when the header may be obeyed.
  std::string refusal(const v1::CommandHeader& header);
  v1::CommandReply reply(const Key& key, wire::CommandOutcome outcome,
                         std::string reason = "") const;

  std::string zhost_;
  std::uint64_t incarnation_;
  std::size_t spaces_max_;
  std::uint64_t highest_term_ = 0;
  std::map<Key, Floor> floors_;
  std::map<Key, Placed> placed_;
  std::map<std::string, std::vector<std::weak_ptr<const std::string>>> texts_;  // by topology
};

}  // namespace startz
