// SPDX-License-Identifier: Apache-2.0
#include "ports/transport.h"

namespace ports {

std::string to_string(const Endpoint& endpoint) {
  switch (endpoint.kind) {
    case Endpoint::Kind::local:
      return "unix:" + endpoint.host;
    case Endpoint::Kind::tcp:
      return endpoint.host + ":" + std::to_string(endpoint.port);
    case Endpoint::Kind::data:
      return "data:" + endpoint.host + ":" + std::to_string(endpoint.port);
    case Endpoint::Kind::websocket:
      return "wss://" + endpoint.host + ":" + std::to_string(endpoint.port) + endpoint.path;
    case Endpoint::Kind::https:
      return "https://" + endpoint.host + ":" + std::to_string(endpoint.port);
  }
  return {};
}

}  // namespace ports
