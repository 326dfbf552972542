// SPDX-License-Identifier: Apache-2.0
#include "zmesh/control_plane_addresses.h"

#include <algorithm>

#include "stdx/text.h"
#include "wire/join_token.h"

namespace zmesh {

ControlPlaneAddresses::ControlPlaneAddresses(ports::Endpoint configured)
    : list_{std::move(configured)} {}

ports::Endpoint ControlPlaneAddresses::https() const {
  return ports::Endpoint::https(websocket().host, websocket().port);
}

void ControlPlaneAddresses::learn_one(const std::string& address) {
  if (!wire::is_host_and_port(address)) return;
  const auto colon = address.rfind(':');
  auto host = address.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  auto made = list_.front();
  made.host = std::move(host);
  made.port = static_cast<std::uint16_t>(*stdx::parse_u64(address.substr(colon + 1)));
  if (std::find(list_.begin(), list_.end(), made) != list_.end()) return;
  if (list_.size() >= addresses_max) {
    list_.erase(list_.begin() + 1);
    if (current_ > 1) --current_;
  }
  list_.push_back(std::move(made));
}

void ControlPlaneAddresses::failed(const ports::Endpoint& which) {
  if (which.host != websocket().host || which.port != websocket().port) return;
  current_ = (current_ + 1) % list_.size();
}

}  // namespace zmesh
