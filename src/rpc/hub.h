// SPDX-License-Identifier: Apache-2.0
#pragma once

// The other end of ServiceBus: takes in the services of one zhost and carries envelopes between
// them. startz and zmesh each have one. The sender's address is written here, from the Hello of the
// link it came on. What is not for a service of this zhost goes to `outside`.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ports/runtime.h"
#include "ports/transport.h"
#include "rpc/protocol_errors.h"
#include "rpc/rpc_endpoint.h"

namespace rpc {

class Hub {
 public:
  // Links that said no valid Hello yet, and services in all; more are closed.
  static constexpr std::size_t links_max = 64;

  struct Options {
    std::string name;  // "zmesh" or "startz": this service
    std::string zhost;
  };

  Hub(ports::Runtime& runtime, ports::Transport& transport, Options options);
  ~Hub();

  // Listens on the local endpoint `name`. Set the handlers first.
  stdx::Status start();

  RpcEndpoint& endpoint() { return endpoint_; }

  // An envelope that is not for a service of this zhost. Default: refused as not_found.
  std::function<void(v1::Envelope)> outside;
  std::function<void(const v1::Hello& hello, bool connected)> on_service;
  std::function<void(const std::string& service, stdx::Bytes frame)> on_data;

  // Delivers an envelope from elsewhere, whose `from` was checked there, to a service of this
  // zhost or to this hub itself.
  void deliver(v1::Envelope envelope);
  // Sends what a local sender made: to a service here, or to `outside`.
  void route(v1::Envelope envelope);

  bool has(const std::string& service) const { return services_.contains(service); }
  std::vector<v1::Hello> services() const;
  // False when the service is away or does not read.
  bool send_data(const std::string& service, stdx::Bytes frame);

 private:
  struct Connection {
    std::unique_ptr<ports::Link> link;
    v1::Hello hello;
  };

  void accept(std::unique_ptr<ports::Link> link);
  void receive(std::uint64_t id, stdx::Bytes frame);
  void closed(std::uint64_t id, const stdx::Error& why);
  void drop(std::uint64_t id);

  ports::Runtime& runtime_;
  ProtocolErrors protocol_errors_{runtime_};
  ports::Transport& transport_;
  Options options_;
  RpcEndpoint endpoint_;
  std::unique_ptr<ports::Listener> listener_;
  std::map<std::uint64_t, Connection> connections_;
  std::map<std::string, std::uint64_t> services_;
  std::uint64_t next_connection_ = 1;
  ports::Counter& refused_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rpc
