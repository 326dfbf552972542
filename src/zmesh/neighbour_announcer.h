// SPDX-License-Identifier: Apache-2.0
#pragma once

// Exchanges with the linked zmeshes who is linked to whom: announces this zhost's own links
// (zmesh.neighbours to a new peer, zmesh.neighbours_changed to the others) and takes what the peers
// announce into the NeighbourTable. Only a zhost's own announcement of itself is taken.
//
// Bound: at most one announcement in announce_every, as in a cluster that starts every zhost has a
// link up for each other.

#include "ports/runtime.h"
#include "rpc/rpc_endpoint.h"
#include "zmesh/neighbours.h"

namespace zmesh {

class NeighbourAnnouncer {
 public:
  static constexpr stdx::Duration announce_every = std::chrono::milliseconds(50);

  // Registers its methods.
  NeighbourAnnouncer(ports::Runtime& runtime, rpc::RpcEndpoint& endpoint, NeighbourTable& table);

  void link_changed(const std::string& peer, bool up);

 private:
  void announce();

  ports::Runtime& runtime_;
  rpc::RpcEndpoint& endpoint_;
  NeighbourTable& table_;
  ports::Timer timer_;
  stdx::Instant announced_at_{};
};

}  // namespace zmesh
