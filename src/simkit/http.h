// SPDX-License-Identifier: Apache-2.0
#pragma once

// HTTP on the virtual network: handlers by (zhost, port), and ports::HttpClient for a process. A
// request or its response is lost where the way is cut; the client then sees its timeout.

#include <map>
#include <memory>
#include <string>

#include "ports/http.h"
#include "simkit/network.h"
#include "simkit/process.h"

namespace simkit {

class HttpNetwork {
 public:
  HttpNetwork(World& world, Network& network) : world_(world), network_(network) {}

  // `handler` answers at ip:port until `process` ends or another is put there. Requests to
  // Endpoint::https are made by who the identities say (Network::handshake).
  void serve(const std::string& ip, std::uint16_t port, Process& process,
             ports::HttpHandler& handler, const StubIdentity* identity = nullptr);
  std::unique_ptr<ports::HttpClient> client(Process& process,
                                            const StubIdentity* identity = nullptr);

 private:
  friend class SimHttpClient;
  struct Server {
    Process* process;
    std::weak_ptr<int> alive;
    ports::HttpHandler* handler;
    const StubIdentity* identity;
  };
  World& world_;
  Network& network_;
  std::map<std::pair<std::string, std::uint16_t>, Server> servers_;
};

}  // namespace simkit
