// SPDX-License-Identifier: Apache-2.0
#include "zrms/commit_log.h"
#include "wire/states.h"

namespace zrms {

CommitLog::CommitLog(ports::Log& log, ports::Metrics& metrics)
    : log_(log),
      degraded_(metrics.counter("samoza_zrms_topologies_degraded_total",
                                "Topologies that became degraded")),
      failed_(metrics.counter("samoza_zrms_topologies_failed_total",
                              "Topologies that became failed")) {}

void CommitLog::log(const std::vector<RowChange>& changes, const Records& before) {
  for (const auto& change : changes) {
    if (change.kind == "topology") log_topology(change, before);
    if (change.kind == "space") log_space(change, before);
  }
}

void CommitLog::log_topology(const RowChange& change, const Records& before_records) {
  const auto* before = before_records.topology(change.topology.id());
  if (!change.remove && (before == nullptr || before->record.state() != change.topology.state())) {
    const auto state = wire::state_of(change.topology);
    if (state == wire::TopologyState::degraded) degraded_.add();
    if (state == wire::TopologyState::failed) failed_.add();
  }
  if (!change.remove && (before == nullptr || before->record.state() != change.topology.state() ||
                         before->record.reason() != change.topology.reason()))
    log_.info("topology_state", {{"topology", change.topology.id()},
                                 {"name", change.text->spec.name},
                                 {"state", change.topology.state()},
                                 {"reason", change.topology.reason()}});
  const auto& update = change.topology.update();
  if (!change.remove && update.to() != 0 &&
      (before == nullptr || before->record.update().state() != update.state() ||
       before->record.update().to() != update.to()))
    log_.info("topology_update", {{"topology", change.topology.id()},
                                  {"name", change.text->spec.name},
                                  {"from", update.from()},
                                  {"to", update.to()},
                                  {"state", v1::UpdateState_Name(update.state())},
                                  {"reason", update.reason()}});
}

void CommitLog::log_space(const RowChange& change, const Records& before_records) {
  const auto& space = change.space;
  const auto* before = before_records.space(space.topology_id(), space.space());
  if (change.remove || space.tombstone()) return;
  const bool moved = before == nullptr || before->record.epoch() != space.epoch();
  log_.info(moved ? "space_placed"
                  : (wire::state_of(space) == wire::SpaceRowState::running ? "space_running"
                                                                           : "space_row"),
            {{"topology", space.topology_id()},
             {"space", space.space()},
             {"on", space.zhost()},
             {"epoch", space.epoch()},
             {"state", space.state()},
             {"why", space.reason()}});
}

}  // namespace zrms
