// SPDX-License-Identifier: Apache-2.0
#pragma once

// Of Reconciler alone: one plan under way, and what its parts ask about the view.

#include <algorithm>
#include <unordered_map>

#include "wire/states.h"
#include "zrms/reconciler.h"

namespace zrms {

struct Reconciler::Work {
  const View& view;
  stdx::Instant now;
  Candidates candidates;
  std::unordered_map<std::string, const v1::Member*> members;
  Plan plan;
  std::vector<std::string> topologies;  // that were looked at
  std::size_t looks = 0;
  std::map<std::pair<std::string, std::string>, Commands::Places> places;  // zhost, topology

  Work(const View& v, stdx::Instant at) : view(v), now(at), candidates(Reconciler::candidates(v)) {
    for (const auto& member : view.members) members[member.zhost_id()] = &member;
  }

  const v1::Member* member(const std::string& zhost) const {
    const auto at = members.find(zhost);
    return at == members.end() ? nullptr : at->second;
  }
  // What the zhost of a placement says of it; null: nothing.
  const v1::SpaceReport* seen(const v1::SpaceRecord& record) const {
    const auto* zhost = view.cluster.find(record.zhost());
    if (zhost == nullptr) return nullptr;
    const auto at = zhost->spaces.find({record.topology_id(), record.space()});
    return at == zhost->spaces.end() || at->second.epoch() != record.epoch() ? nullptr
                                                                             : &at->second;
  }
  // It can't take anything now, which says nothing of whether the space fits there.
  bool absent(const std::string& zhost) const {
    const auto* candidate = candidates.find(zhost);
    return candidate != nullptr && !candidate->available;
  }
  // A zhost that may live has not spoken in this leadership session: where nothing fits, it may
  // yet.
  bool someone_unheard() const {
    return std::any_of(view.members.begin(), view.members.end(), [&](const v1::Member& m) {
      return view.cluster.life(m.zhost_id()) == ClusterManager::Life::alive &&
             !view.cluster.heard(m.zhost_id());
    });
  }
  // What its zhost says of it; else why it was placed there. The last words of a zhost that is not
  // there any more say nothing.
  std::string said_of(const v1::SpaceRecord& record) const {
    const auto* zhost = view.cluster.find(record.zhost());
    const bool there = zhost != nullptr && zhost->life != ClusterManager::Life::dead &&
                       !view.cluster.zrun_down(record.zhost());
    if (there)
      if (const auto seen = zhost->spaces.find({record.topology_id(), record.space()});
          seen != zhost->spaces.end() && seen->second.epoch() == record.epoch())
        return seen->second.detail().empty() ? seen->second.state() : seen->second.detail();
    return wire::state_of(record) == wire::SpaceRowState::placed ? record.reason() : "";
  }
  // Of a space that is not as its topology wants it. One that runs is to be replaced, or is
  // reported before the records say so; a state is no reason.
  std::string why_not_running(const model::Topology& spec, const std::string& name,
                              const SpaceRow* row) const {
    if (row == nullptr) return stdx::format("waits for space {}", name);
    const auto& record = row->record;
    const auto* report = seen(record);
    if (report != nullptr && wire::state_of(*report) == wire::InstanceState::running) {
      if (record.version() < spec.version)
        return stdx::format("space {} runs in version {}; version {} takes its place", name,
                            record.version(), spec.version);
      return stdx::format("space {} has just started; it is not in the records yet", name);
    }
    const auto said = said_of(record);
    if (report != nullptr && said == report->state())
      return stdx::format("space {} is {} on zhost {}", name, said, record.zhost());
    return stdx::format("space {} is not running{}", name, said.empty() ? "" : ": " + said);
  }
  bool room(std::size_t max) const { return plan.changes.size() < max; }
};

}  // namespace zrms
