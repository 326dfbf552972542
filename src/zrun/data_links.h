// SPDX-License-Identifier: Apache-2.0
#pragma once

// Data links: one to the zrun of each zhost that shares a topology with this one
// (rpc/zhost_links.h), by certificates of role `data`, and by the list that zmesh gives
// (zrun.peers). A link lives on while zmesh is away; it is closed when zmesh names its zhost no
// more, or a newer incarnation of it.

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "rpc/zhost_links.h"

namespace zrun {

namespace v1 = samoza::v1;

class DataLinks {
 public:
  // Past this a link takes no more frames until it drained: the streams wait.
  static constexpr std::size_t queue_bytes_soft = 1u << 20;
  // A caller that is not listed here so long after it was first refused, with no newer list, is
  // worth a warning. Raising it hides a stranger for longer; lowering it gives false alarms at a
  // return.
  static constexpr stdx::Duration list_delay_max = std::chrono::seconds(10);

  DataLinks(ports::Runtime& runtime, ports::Transport& transport, v1::PeerHello self,
            ports::Endpoint listen);

  std::function<void(const std::string& zhost, stdx::Bytes frame)> on_frame;
  // A link came up, or went.
  std::function<void(const std::string& zhost)> on_link_changed;
  // A link whose queue was full has room again: what `send` refused may be sent now.
  std::function<void()> on_room;

  stdx::Status start() { return links_.start(); }
  void set_peers(const v1::PeersUpdate& update);
  void set_revoked(std::vector<ports::Trust::Revoked> revoked) {
    links_.set_revoked(std::move(revoked));
  }
  // False: no link, or it is full.
  bool send(const std::string& zhost, stdx::Bytes frame) {
    return links_.send(zhost, std::move(frame), queue_bytes_soft);
  }
  bool linked(const std::string& zhost) const { return links_.linked(zhost); }
  void came_around(const std::string& zhost) { links_.came_around(zhost); }
  // There was a link to it, and there is none now: its zrun may have ended. False of a zhost that
  // was only ever reached through relays.
  bool lost(const std::string& zhost) const { return lost_.contains(zhost); }
  std::size_t size() const { return links_.size(); }

 private:
  bool list_may_come();

  ports::Runtime& runtime_;
  std::string self_;
  std::set<std::string> lost_;                   // bounded: zhosts of the cluster
  bool listed_ = false;                          // zmesh named somebody
  std::optional<stdx::Instant> unlisted_since_;  // the first refused for that since the last list
  rpc::ZhostLinks links_;
};

}  // namespace zrun
