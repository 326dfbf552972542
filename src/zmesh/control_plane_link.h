// SPDX-License-Identifier: Apache-2.0
#pragma once

// zmesh's way to the control plane (flow 1, R-JOIN-1..5): opens the WebSocket, both sides by their
// certificates; each says Hello; then it registers with POST /v1/register on the same port, naming
// the link by the nonce of the control plane's Hello, and carries envelopes of "controlplane".
// When the link or the registration fails it comes back with a jittered back-off of 100 ms to 5 s;
// the last known membership stays in force meanwhile.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ports/http.h"
#include "ports/runtime.h"
#include "ports/transport.h"
#include "rpc/rpc_endpoint.h"
#include "samoza/v1/controlplane.pb.h"
#include "samoza/v1/envelope.pb.h"
#include "zmesh/control_plane_addresses.h"
#include "zmesh/member_list.h"

namespace zmesh {

namespace v1 = samoza::v1;

class ControlPlaneLink {
 public:
  struct Options {
    v1::Hello hello;
    v1::RegisterRequest registration;
  };

  ControlPlaneLink(ports::Runtime& runtime, ports::Transport& transport, ports::HttpClient& http,
                   ControlPlaneAddresses& at, Options options);
  ~ControlPlaneLink();

  // Membership from a registration or from controlplane.changed.
  std::function<void(v1::MembersChanged)> on_members;
  // An event is missing: asks the control plane for the whole list (controlplane.members), which
  // goes to whole_list().
  std::function<void()> on_gap;
  // The control plane is there, and took this zhost's link for none of its own.
  std::function<void()> on_refused;
  void whole_list(v1::MembersChanged members);
  // Every other envelope from the control plane.
  std::function<void(v1::Envelope)> on_envelope;

  // What startz says this zhost knows of the records (P15); nothing where it does not answer. Asked
  // before each registration.
  using Known = std::function<void(std::optional<v1::RecordsKnown>)>;
  std::function<void(Known)> ask_known;

  // What this zhost has heard to be good for nothing any more, told with each registration.
  std::function<std::vector<std::string>()> revoked;

  // Once there is a certificate; called again it does nothing.
  void start();
  // Requests are answered with Code::unavailable, through on_envelope, while there is no link, and
  // while this zhost is refused as an old one.
  void send(v1::Envelope envelope);
  bool connected() const { return link_ != nullptr && greeted_; }
  bool registered() const { return registered_; }
  // Why there is no registration, for status.
  const std::string& trouble() const { return trouble_; }

 private:
  void connect();
  void not_connected(const std::string& why);
  void attach(std::unique_ptr<ports::Link> link);
  void greet(const stdx::Bytes& frame);
  static stdx::Result<v1::RegisterReply> check_reply(stdx::Result<ports::HttpResponse> response);
  void register_zhost();
  void send_registration();
  void heard(v1::MembersChanged members);
  void publish();
  void answered(stdx::Result<v1::RegisterReply> reply);
  void receive(stdx::Bytes frame);
  void lost(const std::string& why);
  void retry_later(std::function<void()> what);

  ports::Runtime& runtime_;
  ports::Transport& transport_;
  ports::HttpClient& http_;
  ControlPlaneAddresses& at_;
  ports::Endpoint linked_to_;  // of the link
  Options options_;
  std::unique_ptr<ports::Link> link_;
  stdx::Bytes nonce_;     // of the control plane's hello
  bool greeted_ = false;  // its hello came
  bool started_ = false;
  bool registered_ = false;
  MemberList members_;
  // Something was said before the registration was answered. One that is refused as stale (another
  // zhost of this id is newer) tells nobody: its services must not act for that zhost.
  bool held_ = false;
  bool answered_ = false, stale_ = false;
  static constexpr stdx::Duration quiet_max = std::chrono::seconds(3);
  std::string trouble_ = "not connected yet";
  stdx::Instant trouble_since_{};
  std::string warned_of_;
  stdx::Duration back_off_;
  ports::Timer retry_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zmesh
