// SPDX-License-Identifier: Apache-2.0
#pragma once

// zmesh's way to the control plane (flow 1, R-JOIN-1..5): opens the WebSocket, says Hello,
// registers with POST /v1/register on the same port (both with the join token), then carries
// envelopes of "controlplane". When the link or the registration fails it comes back with a
// jittered back-off of 100 ms to 5 s; the last known membership stays in force meanwhile.

#include <functional>
#include <memory>
#include <string>

#include "ports/http.h"
#include "ports/join_token.h"
#include "ports/runtime.h"
#include "ports/transport.h"
#include "rpc/exchange.h"
#include "samoza/v1/controlplane.pb.h"
#include "samoza/v1/envelope.pb.h"

namespace zmesh {

namespace v1 = samoza::v1;

class ControlPlaneLink {
 public:
  struct Options {
    ports::Endpoint endpoint;  // websocket
    v1::Hello hello;
    v1::RegisterRequest registration;
    ports::JoinToken join_token = {};
  };

  ControlPlaneLink(ports::Runtime& runtime, ports::Transport& transport, ports::HttpClient& http,
                   Options options);
  ~ControlPlaneLink();

  // Membership from a registration or from controlplane.changed.
  std::function<void(v1::MembersChanged)> on_members;
  // Every other envelope from the control plane.
  std::function<void(v1::Envelope)> on_envelope;

  void start();
  // Requests are answered with Code::unavailable, through on_envelope, while there is no link.
  void send(v1::Envelope envelope);
  bool connected() const { return link_ != nullptr; }
  bool registered() const { return registered_; }
  // Why there is no registration, for status.
  const std::string& trouble() const { return trouble_; }

 private:
  void connect();
  void not_connected(const std::string& why);
  void attach(std::unique_ptr<ports::Link> link);
  void register_zhost();
  void receive(stdx::Bytes frame);
  void lost(const std::string& why);
  void retry_later(std::function<void()> what);

  ports::Runtime& runtime_;
  ports::Transport& transport_;
  ports::HttpClient& http_;
  Options options_;
  std::unique_ptr<ports::Link> link_;
  bool registered_ = false;
  std::uint64_t changes_heard_ = 0;  // events controlplane.changed
  std::string trouble_ = "not connected yet";
  stdx::Duration back_off_;
  ports::Timer retry_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zmesh
