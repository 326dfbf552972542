// SPDX-License-Identifier: Apache-2.0
#include "ports/transport.h"

namespace ports {

static std::string at(const Endpoint& endpoint) {
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  return (v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

std::string to_string(const Endpoint& endpoint) {
  switch (endpoint.kind) {
    case Endpoint::Kind::local:
      return "unix:" + endpoint.host;
    case Endpoint::Kind::tcp:
      return at(endpoint);
    case Endpoint::Kind::data:
      return "data:" + at(endpoint);
    case Endpoint::Kind::websocket:
      return "wss://" + at(endpoint) + endpoint.path;
    case Endpoint::Kind::https:
      return "https://" + at(endpoint);
  }
  return {};
}

}  // namespace ports
