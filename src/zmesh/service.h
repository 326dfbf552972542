// SPDX-License-Identifier: Apache-2.0
#pragma once

// zmesh: the transport of one zhost. Carries envelopes between the services of its zhost, the other
// zhosts and the control plane; carries data frames of zrun where there is no data link; keeps the
// directory of spaces. It decides nothing about where a space runs.
//
// Runs on one loop; all that it needs is given at construction and outlives it.

#include <functional>
#include <memory>
#include <string>

#include "ports/http.h"
#include "ports/runtime.h"
#include "ports/transport.h"
#include "rpc/hub.h"
#include "rpc/service_bus.h"
#include "samoza/v1/api.pb.h"
#include "wire/revoked_tokens.h"
#include "zmesh/control_plane_addresses.h"
#include "zmesh/control_plane_link.h"
#include "zmesh/credentials.h"
#include "zmesh/directory.h"
#include "zmesh/doorway.h"
#include "zmesh/neighbour_announcer.h"
#include "zmesh/neighbours.h"
#include "zmesh/peer_links.h"
#include "zmesh/peer_list.h"
#include "zmesh/peer_list_publisher.h"
#include "zmesh/relay.h"
#include "zmesh/space_detail.h"

namespace zmesh {

struct Options {
  std::string cluster_id;
  v1::Member self;                // zhost id, incarnation, address, port, labels, devices, capacity
  ports::Endpoint control_plane;  // websocket
  std::string version;
  std::uint64_t pid = 0;
  // Certificates: what was kept at the last start, where it is kept, and the join token's text.
  v1::ZhostCredentials kept_credentials;
  std::function<void(const v1::ZhostCredentials&)> keep_credentials;
  std::function<stdx::Result<std::string>()> join_token;
  // The cluster's keys, likewise, and what was revoked (wire/revoked_tokens.h) at the last start.
  v1::KeyRing kept_keys;
  std::function<void(const v1::KeyRing&)> keep_keys;
  wire::RevokedTokens revoked;
  // Where it listens for other zhosts; empty: at `self.address`.
  std::vector<std::string> listen;
  std::string http_ip;  // of its HTTP interface; empty: `self.address`
};

class Service {
 public:
  // `asking`: over which certificates are asked for (Credentials).
  Service(ports::Runtime& runtime, ports::Transport& transport, ports::HttpClient& http,
          ports::HttpClient& asking, const ports::Security& security, Options options);
  ~Service();

  // Fails where a socket cannot be had; the message names it.
  stdx::Status start();

  // startz asked this process to end (service.stop).
  std::function<void()> on_stop;
  // Access tokens that hold no longer (wire/revoked_tokens.h).
  std::function<void(std::vector<std::string>)> on_revoked;

  // --- for the HTTP interface (zmesh/http_api.h) ---
  const Options& options() const { return options_; }
  const v1::MembersChanged& members() const { return members_; }
  const Directory& directory() const { return directory_; }
  const NeighbourTable& neighbours() const { return neighbours_; }
  const PeerLinks& peers() const { return peers_; }
  const ControlPlaneLink& control_plane() const { return control_plane_; }
  const Credentials& credentials() const { return credentials_; }
  // Why this zhost is not registered, for status.
  const std::string& control_plane_trouble() const {
    return credentials_.ready() ? control_plane_.trouble() : credentials_.trouble();
  }
  rpc::Hub& hub() { return hub_; }

  struct Pong {
    std::string zhost;
    std::vector<std::string> relays;  // zhosts passed on the way there
    stdx::Duration round_trip{};
  };
  // Answers once, with the zhost's pong, or Code::timeout / Code::unavailable (R-PING-1..3).
  void ping(const std::string& zhost, stdx::Duration timeout,
            std::function<void(stdx::Result<Pong>)> done);
  // Flow 4 for a caller outside of zrun (zmesh/doorway.h).
  void send(v1::SendRequest request, Doorway::Done done);
  void send_http(const v1::DirectoryEntry& space, stdx::Bytes message, std::string traceparent,
                 Doorway::Done done) {
    doorway_.send_http(space, std::move(message), std::move(traceparent), std::move(done));
  }
  // What zruns say of a space (zmesh/space_detail.h).
  void space_detail(v1::SpaceDetailRequest request, SpaceDetails::Done done) {
    space_details_.ask(std::move(request), std::move(done));
  }

 private:
  void wire_handlers();
  void wire_control_plane();
  void ask_members();
  void members_changed(v1::MembersChanged members);
  void want_directory();
  void directory_changed(const std::vector<Directory::Name>& names, bool whole);
  void publish_peers(const PeerListPublisher::Changed& changed);
  void publish_membership(const std::string& service);
  void publish_revoked(const std::string& service);
  void publish_data_credentials();
  void take_revoked();
  void publish_records(const v1::DirectoryUpdate& update);

  ports::Runtime& runtime_;
  Options options_;
  rpc::Hub hub_;
  rpc::ServiceBus startz_;
  ControlPlaneAddresses control_plane_at_;
  Credentials credentials_;
  wire::RevokedTokens revoked_;
  ControlPlaneLink control_plane_;
  PeerLinks peers_;
  NeighbourTable neighbours_;
  NeighbourAnnouncer neighbour_announcer_;
  Directory directory_;
  v1::MembersChanged members_;
  Relay relay_;
  PeerList peer_list_;
  PeerListPublisher peer_list_publisher_;
  SpaceDetails space_details_;
  Doorway doorway_;
  ports::Timer directory_timer_, members_timer_;
  bool asking_members_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zmesh
