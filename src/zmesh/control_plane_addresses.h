// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where the control plane is reached: the address of the configuration, then those of the join
// token, then those that the control plane told last with the certificates. The one in use is
// changed for the next one when it fails. Pure; at most addresses_max.

#include <string>
#include <vector>

#include "ports/transport.h"

namespace zmesh {

class ControlPlaneAddresses {
 public:
  static constexpr std::size_t addresses_max = 16;

  // `configured`: a WebSocket.
  explicit ControlPlaneAddresses(ports::Endpoint configured);

  // "HOST:PORT" each; what reads otherwise, or is known, is left out. Past the bound the oldest of
  // those that were learned leaves.
  template <typename List>
  void learn(const List& addresses) {
    for (const auto& address : addresses) learn_one(address);
  }
  const ports::Endpoint& websocket() const { return list_[current_]; }
  ports::Endpoint https() const;
  // That one did not answer: the next one is in use, unless it has been changed meanwhile.
  void failed(const ports::Endpoint& which);
  std::size_t size() const { return list_.size(); }

 private:
  void learn_one(const std::string& address);

  std::vector<ports::Endpoint> list_;
  std::size_t current_ = 0;
};

}  // namespace zmesh
