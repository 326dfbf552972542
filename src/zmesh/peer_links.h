// SPDX-License-Identifier: Apache-2.0
#pragma once

// Peer links: one to each other member of the cluster (rpc/zhost_links.h), by certificates of role
// `zhost`. They carry envelopes, and data frames where there is no data link.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "rpc/zhost_links.h"
#include "samoza/v1/controlplane.pb.h"
#include "wire/frame.h"

namespace zmesh {

namespace v1 = samoza::v1;

class PeerLinks {
 public:
  struct Options {
    v1::PeerHello self;
    ports::Endpoint listen;  // tcp
    std::vector<std::string> more_listen{};
  };

  PeerLinks(ports::Runtime& runtime, ports::Transport& transport, Options options);

  std::function<void(const std::string& peer, bool up)> on_link;
  std::function<void(const std::string& peer, stdx::Bytes frame)> on_frame;

  stdx::Status start() { return links_.start(); }
  // Dials new members, forgets links to those that are none any more.
  void set_members(const std::vector<v1::Member>& members);

  void set_revoked(std::vector<ports::Trust::Revoked> revoked) {
    links_.set_revoked(std::move(revoked));
  }

  // False when there is no link to `peer`.
  bool send(const std::string& peer, const v1::Envelope& envelope) {
    return links_.send(peer, wire::encode_frame(wire::FrameKind::envelope, envelope),
                       ports::Link::queue_bytes_max, wire::urgency_of(envelope));
  }
  // The same for frames that may be refused under load: false past half of the link's queue.
  bool send_if_room(const std::string& peer, stdx::Bytes frame) {
    return links_.send(peer, std::move(frame), ports::Link::queue_bytes_max / 2);
  }
  bool linked(const std::string& peer) const { return links_.linked(peer); }
  void came_around(const std::string& peer) { links_.came_around(peer); }
  std::size_t size() const { return links_.size(); }
  const v1::Member* member(const std::string& zhost) const;

 private:
  std::string self_;
  std::map<std::string, v1::Member> members_;  // the others
  rpc::ZhostLinks links_;
};

}  // namespace zmesh
