// SPDX-License-Identifier: Apache-2.0
#include "zmesh/peer_links.h"

namespace zmesh {

PeerLinks::PeerLinks(ports::Runtime& runtime, ports::Transport& transport, Options options)
    : self_(options.self.zhost()),
      links_(runtime, transport,
             {.self = std::move(options.self),
              .listen = std::move(options.listen),
              .more_listen = std::move(options.more_listen),
              .linked = runtime.metrics.gauge("samoza_zmesh_peer_links", "Links to other zhosts"),
              .refused = runtime.metrics.counter(
                  "samoza_zmesh_peers_refused_total",
                  "Peer connections closed because of their certificate or hello")}) {
  links_.on_link = [this](const std::string& peer, bool up) {
    if (on_link) on_link(peer, up);
  };
  links_.on_frame = [this](const std::string& peer, stdx::Bytes frame) {
    if (on_frame) on_frame(peer, std::move(frame));
  };
}

void PeerLinks::set_members(const std::vector<v1::Member>& members) {
  std::map<std::string, v1::Member> now;
  std::map<std::string, rpc::ZhostLinks::Peer> listed;
  for (const auto& member : members) {
    if (member.zhost_id() == self_) continue;
    now[member.zhost_id()] = member;
    listed[member.zhost_id()] = {member.address(),
                                 static_cast<std::uint16_t>(member.port()),
                                 member.incarnation(),
                                 {member.more_addresses().begin(), member.more_addresses().end()}};
  }
  members_ = std::move(now);
  links_.set_peers(listed);
}

const v1::Member* PeerLinks::member(const std::string& zhost) const {
  const auto at = members_.find(zhost);
  return at == members_.end() ? nullptr : &at->second;
}

}  // namespace zmesh
