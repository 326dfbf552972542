// SPDX-License-Identifier: Apache-2.0
#pragma once

// Carries envelopes and data frames between the services of this zhost and other zhosts, and for
// other zhosts that are not linked to one another (R-SEND-9: at most one relay). An envelope that
// cannot be delivered is answered with Code::unavailable; a data frame is dropped and counted, as
// the sending zrun repeats what is not acknowledged.
//
// Frames of a replaced instance, or of a zhost that does not have the space, are refused (S1, S15).

#include <memory>
#include <string>

#include "ports/runtime.h"
#include "rpc/hub.h"
#include "zmesh/directory.h"
#include "zmesh/neighbours.h"
#include "zmesh/peer_links.h"

namespace zmesh {

class Relay {
 public:
  Relay(ports::Runtime& runtime, rpc::Hub& hub, PeerLinks& peers, const NeighbourTable& neighbours,
        const Directory& directory, std::string self);

  // Of this zhost, for another one.
  void send(const v1::Envelope& envelope);
  void send_data(stdx::Bytes frame) { forward(std::move(frame), ""); }
  // Of a linked zhost.
  void receive(const std::string& peer, stdx::Bytes frame);

 private:
  void bounce(const v1::Envelope& envelope, const std::string& why);
  void take_envelope(const std::string& peer, v1::Envelope envelope);
  void take_data(const std::string& peer, stdx::Bytes frame);
  void forward(stdx::Bytes frame, const std::string& came_from);

  ports::Runtime& runtime_;
  rpc::Hub& hub_;
  PeerLinks& peers_;
  const NeighbourTable& neighbours_;
  const Directory& directory_;
  std::string self_;
  ports::Counter& relayed_;
  ports::Counter& undeliverable_;
  ports::Counter& stale_frames_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zmesh
