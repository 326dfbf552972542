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
#include "zmesh/neighbours.h"
#include "zmesh/peer_links.h"
#include "zmesh/peer_list_publisher.h"

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
  // What the zrun that runs the space says of it, wherever that is. `topology` is an id; empty
  // where the name is unique in the cluster, else Code::invalid names the topologies. With
  // `all_lives` every zhost is asked for what it keeps of former lives.
  using SpaceAnswer = std::function<void(stdx::Result<v1::SpaceDetail>)>;
  void space_detail(v1::SpaceDetailRequest request, SpaceAnswer done);

 private:
  void every_life(const v1::SpaceDetailRequest& request, SpaceAnswer done);
  void wire_handlers();
  void wire_control_plane();
  void wire_neighbours();
  void ask_members();
  void members_changed(v1::MembersChanged members);
  void route_outside(v1::Envelope envelope);
  void bounce(const v1::Envelope& envelope, const std::string& why);
  void peer_frame(const std::string& peer, stdx::Bytes frame);
  void peer_envelope(const std::string& peer, v1::Envelope envelope);
  void peer_changed(const std::string& peer, bool up);
  void announce_neighbours();
  void local_data(stdx::Bytes frame);
  void peer_data(const std::string& peer, stdx::Bytes frame);
  void forward_data(stdx::Bytes frame, const std::string& came_from);
  void want_directory();
  void directory_changed(const std::vector<Directory::Name>& names, bool whole);
  void publish_peers(const PeerListPublisher::Changed& changed);
  v1::PeersUpdate peers_of_zrun() const;
  v1::PeersUpdate changes_for_zrun(const PeerListPublisher::Changed& changed) const;
  void add_data_peers(v1::PeersUpdate& update) const;
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
  Directory directory_;
  v1::MembersChanged members_;
  std::set<std::string> topologies_here_;  // zrun is told of these
  PeerListPublisher peer_list_publisher_;
  Doorway doorway_;
  ports::Timer directory_timer_, neighbours_timer_, members_timer_;
  bool asking_members_ = false;
  stdx::Instant neighbours_said_{};
  ports::Counter& relayed_;
  ports::Counter& undeliverable_;
  ports::Counter& stale_frames_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zmesh
