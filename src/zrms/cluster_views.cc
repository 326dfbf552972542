// SPDX-License-Identifier: Apache-2.0
#include "zrms/cluster_views.h"

#include <algorithm>
#include <string>

#include "stdx/text.h"
#include "wire/states.h"

namespace zrms {

v1::ClusterReply ClusterViews::cluster() const {
  v1::ClusterReply view;
  view.set_leader(leadership_.zhost());
  view.set_term(leadership_.term());
  view.set_control_plane(leadership_.control_plane_trouble().empty()
                             ? "connected"
                             : leadership_.control_plane_trouble());
  *view.mutable_supers() = leadership_.members().supers();
  view.set_zhosts(static_cast<std::uint32_t>(leadership_.members().peers_size()));
  std::uint32_t alive = 0;
  for (const auto& member : leadership_.members().peers())
    alive += cluster_.life(member.zhost_id()) == ClusterManager::Life::alive &&
             cluster_.heard(member.zhost_id());
  view.set_zhosts_alive(alive);
  std::uint32_t topologies = 0, running = 0;
  for (const auto& [id, row] : leader_.records().topologies()) {
    if (row.record.desired() == v1::DESIRED_DELETED) continue;
    ++topologies;
    running += wire::state_of(row.record) == wire::TopologyState::running;
  }
  view.set_topologies(topologies);
  view.set_topologies_running(running);
  std::uint32_t spaces = 0, spaces_running = 0;
  for (const auto& [key, row] : leader_.records().spaces()) {
    if (row.record.tombstone()) continue;
    ++spaces;
    spaces_running += wire::state_of(row.record) == wire::SpaceRowState::running;
  }
  view.set_spaces(spaces);
  view.set_spaces_running(spaces_running);
  view.set_copies_detail(leadership_.members().copies_detail());
  if (cluster_.braking(clock_.now()))
    view.set_detail(
        "brake: more than half of the zhosts look dead; nobody is evicted while that lasts");
  return view;
}

v1::ZhostsReply ClusterViews::zhosts() const {
  v1::ZhostsReply reply;
  for (const auto& member : leadership_.members().peers()) {
    auto* view = reply.add_zhosts();
    view->set_zhost_id(member.zhost_id());
    view->set_region(member.region());
    view->set_incarnation(member.incarnation());
    view->set_cpu_cores(member.cpu_cores());
    const bool super =
        std::find(leadership_.members().supers().begin(), leadership_.members().supers().end(),
                  member.zhost_id()) != leadership_.members().supers().end();
    view->set_mode(member.zhost_id() == leadership_.zhost() ? "leader"
                   : super                                  ? "standby"
                                                            : "local");
    const auto* zhost = cluster_.find(member.zhost_id());
    view->set_state("unknown");
    if (zhost == nullptr) continue;
    switch (zhost->life) {
      case ClusterManager::Life::unknown:
        break;
      case ClusterManager::Life::alive:
        view->set_state(zhost->heard ? "alive" : "unknown");
        break;
      case ClusterManager::Life::suspect:
        view->set_state("suspect");
        break;
      case ClusterManager::Life::dead:
        view->set_state("unavailable");
        break;  // R-DEC-6
    }
    view->set_spaces(static_cast<std::uint32_t>(zhost->spaces.size()));
    view->set_cpu_used(zhost->report.cpu_used());
    view->set_memory_used_bytes(zhost->report.memory_used_bytes());
    view->set_memory_total_bytes(zhost->report.memory_total_bytes());
    view->set_heard_ms_ago(stdx::to_ms(clock_.now() - zhost->last_heartbeat));
    std::string detail;
    for (const auto& [name, state] : zhost->children)
      if (state != v1::CHILD_UP) detail += (detail.empty() ? "" : ", ") + name + " is not up";
    // A datagram that is lost now and then is none of anybody's business.
    if (zhost->over_mesh_since && clock_.now() - *zhost->over_mesh_since > std::chrono::seconds(2))
      detail += stdx::format(
          "{}its beats come over the mesh: datagrams from it to port 9201/udp "
          "do not arrive here",
          detail.empty() ? "" : "; ");
    view->set_detail(detail);
  }
  return reply;
}

v1::ServiceStatus ClusterViews::status(const std::string& version, bool connected) const {
  v1::ServiceStatus view;
  view.set_service("zrms");
  view.set_zhost(leadership_.zhost());
  view.set_mode(leadership_.is_super() ? "super" : "local");
  view.set_status(connected ? "connected" : "error");
  view.set_leader(leadership_.members().leader());
  view.set_term(leadership_.members().term());
  view.set_control_plane(leadership_.control_plane_trouble().empty()
                             ? "connected"
                             : leadership_.control_plane_trouble());
  if (leadership_.leads()) {
    const auto counts = cluster();
    view.set_topologies(stdx::format("{}/{}", counts.topologies_running(), counts.topologies()));
    view.set_spaces(counts.spaces_running());
    if (const auto& rows = leader_.records().unreadable(); !rows.empty())
      view.set_detail(stdx::format(
          "{} rows of the control plane's database cannot be read, the first is {}; restore it "
          "from a copy",
          rows.size(), *rows.begin()));
  }
  view.set_copies_detail(leadership_.members().copies_detail());
  view.set_version(version);
  view.set_away(leadership_.away());
  view.set_uptime_ms(static_cast<std::uint64_t>(stdx::to_ms(clock_.now() - started_)));
  return view;
}

}  // namespace zrms
