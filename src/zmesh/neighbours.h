// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who is linked to whom, from what each zhost says of its own links, and the next zhost on the way
// to one that is not linked here (R-PING-3, R-SEND-9). At most one relay: two hops. Also what this
// zhost says of its own: everything to a peer that is new, to the others what changed.
//
// Pure. A zhost's words are its own: only it may say what it is linked to.

#include <map>
#include <optional>
#include <set>
#include <string>

#include "samoza/v1/cluster.pb.h"
#include "samoza/v1/neighbours.pb.h"

namespace zmesh {

namespace v1 = samoza::v1;

class NeighbourTable {
 public:
  static constexpr std::uint32_t hops_max = 2;
  static constexpr std::size_t linked_max = 10'000;

  explicit NeighbourTable(std::string self) : self_(std::move(self)) {}

  void link_up(const std::string& peer);
  void link_down(const std::string& peer);

  enum class Heard {
    news,  // taken
    old,   // not newer than what is known, or too long: left
    gap,   // something before it is missing here: to be asked for
  };
  Heard learn(const v1::Neighbours& said);
  Heard learn(const v1::NeighboursChanged& said);

  // What is to be said of the links of this zhost since it was asked last: `whole` to those in
  // `fresh`, which have come since, and `changed` to the other peers, where it is there.
  struct News {
    v1::Neighbours whole;
    std::optional<v1::NeighboursChanged> changed;
    std::set<std::string> fresh;
  };
  News take_news();
  // As it was said last.
  v1::Neighbours whole() const;

  bool linked(const std::string& peer) const { return linked_.contains(peer); }
  const std::set<std::string>& linked() const { return linked_; }
  // What `peer` said it is linked to; empty when it said nothing.
  std::set<std::string> links_of(const std::string& peer) const;

  // The zhost to hand something for `target` to: itself when linked, else the first (by name) that
  // is linked here and to it, and is not `came_from`. None: not reachable within two hops.
  std::optional<std::string> next_hop(const std::string& target,
                                      const std::string& came_from = "") const;

 private:
  struct Said {
    std::uint64_t sequence = 0;
    std::set<std::string> linked;
  };
  std::string self_;
  std::set<std::string> linked_;
  std::map<std::string, Said> said_;
  Said own_;                     // what this zhost said last
  std::set<std::string> fresh_;  // linked since then
};

}  // namespace zmesh
