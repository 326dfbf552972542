// SPDX-License-Identifier: Apache-2.0
#include "zrun/data_links.h"

namespace zrun {

DataLinks::DataLinks(ports::Runtime& runtime, ports::Transport& transport, v1::PeerHello self,
                     ports::Endpoint listen)
    : runtime_(runtime),
      self_(self.zhost()),
      links_(
          runtime, transport,
          {.self = std::move(self),
           .listen = std::move(listen),
           .hello = wire::FrameKind::data_hello,
           .role = ports::CertificateRole::data,
           .writable_below = queue_bytes_soft,
           .linked_event = "data_linked",
           .lost_event = "data_link_lost",
           .refused_event = "data_link_refused",
           .linked = runtime.metrics.gauge("samoza_zrun_data_links", "Data links to other zhosts"),
           .refused = runtime.metrics.counter(
               "samoza_zrun_data_links_refused_total",
               "Data connections closed because of their certificate or hello, or for want of "
               "one")}) {
  links_.on_frame = [this](const std::string& zhost, stdx::Bytes frame) {
    if (on_frame) on_frame(zhost, std::move(frame));
  };
  links_.on_link = [this](const std::string& zhost, bool up) {
    if (up)
      lost_.erase(zhost);
    else
      lost_.insert(zhost);
    if (on_link_changed) on_link_changed(zhost);
  };
  links_.on_room = [this] {
    if (on_room) on_room();
  };
  links_.may_be_listed_soon = [this] { return list_may_come(); };
}

void DataLinks::set_peers(const v1::PeersUpdate& update) {
  std::map<std::string, rpc::ZhostLinks::Peer> listed;
  for (const auto& where : update.data_peers())
    listed[where.zhost()] = {where.address(),
                             static_cast<std::uint16_t>(where.port()),
                             where.incarnation(),
                             {where.more_addresses().begin(), where.more_addresses().end()}};
  listed.erase(self_);
  listed_ = !listed.empty();
  unlisted_since_.reset();
  links_.set_peers(listed);
}

// Each side gets its list by itself, so a caller may know of this zhost before this zhost knows of
// it: after a return every peer dials at once, and the directory is still on its way.
bool DataLinks::list_may_come() {
  if (!listed_) return true;
  const auto now = runtime_.clock.now();
  if (!unlisted_since_) unlisted_since_ = now;
  return now - *unlisted_since_ < list_delay_max;
}

}  // namespace zrun
