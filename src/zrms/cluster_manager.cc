// SPDX-License-Identifier: Apache-2.0
#include "zrms/cluster_manager.h"

#include <algorithm>

#include "stdx/plant.h"

namespace zrms {

ClusterManager::Zhost* ClusterManager::listen(const std::string& name, std::uint64_t incarnation,
                                              std::uint64_t counter, std::uint64_t Zhost::* last,
                                              stdx::Instant now) {
  if (!zhosts_.contains(name) && zhosts_.size() >= zhosts_max) return nullptr;
  auto& zhost = zhosts_[name];
  if (incarnation < zhost.incarnation) return nullptr;
  if (incarnation > zhost.incarnation) {
    // A new life: counters start again, and nothing of the old one is left.
    zhost = {};
    zhost.incarnation = incarnation;
  }
  const auto highest = std::max(zhost.beat_counter, zhost.report_counter);
  if (counter <= zhost.*last && !PLANTED(P9_counter)) return nullptr;
  zhost.*last = counter;
  // Only a word newer than every other one breaks the silence.
  if (counter > highest || PLANTED(P9_counter)) {
    zhost.last_heartbeat = now;
    zhost.heard = true;
    zhost.refusals.clear();
    if (zhost.life != Life::alive) {
      zhost.life = Life::alive;
      events_.push_back({Event::Kind::alive, name, {}, ""});
    }
  }
  return &zhost;
}

bool ClusterManager::beat(const v1::Beat& beat, stdx::Instant now) {
  // A goodbye is said several times, since datagrams are lost; the second is no sign of life.
  if (const auto at = zhosts_.find(beat.zhost());
      beat.goodbye() && at != zhosts_.end() && at->second.life == Life::dead &&
      at->second.said_goodbye && at->second.incarnation == beat.incarnation()) {
    at->second.beat_counter = std::max(at->second.beat_counter, beat.counter());
    return false;
  }
  auto* zhost = listen(beat.zhost(), beat.incarnation(), beat.counter(), &Zhost::beat_counter, now);
  if (zhost == nullptr) return false;
  for (const auto& child : beat.children()) {
    zhost->children[child.name()] = child.state();
    if (child.name() == "zrun") zhost->zrun_cause = child.cause();
  }
  zhost->said_goodbye = beat.goodbye();
  if (beat.goodbye()) declare_dead(beat.zhost(), *zhost, "goodbye", now);
  return true;
}

void ClusterManager::refused(const std::string& name, std::uint64_t incarnation,
                             stdx::Instant now) {
  const auto at = zhosts_.find(name);
  if (at == zhosts_.end() || at->second.incarnation != incarnation ||
      at->second.life == Life::dead || at->second.life == Life::unknown)
    return;
  auto& refusals = at->second.refusals;
  refusals.push_back(now);
  std::erase_if(refusals, [&](auto when) { return now - when > options_.refused_window; });
  if (static_cast<int>(refusals.size()) >= options_.refusals_needed)
    declare_dead(name, at->second, "refused", now);
}

void ClusterManager::declare_dead(const std::string& name, Zhost& zhost, std::string evidence,
                                  stdx::Instant now) {
  zhost.life = Life::dead;
  zhost.refusals.clear();
  Event event{Event::Kind::dead, name, now - zhost.last_heartbeat, std::move(evidence)};
  events_.push_back(event);
  if (failure_callback) failure_callback(event);
}

bool ClusterManager::report(const v1::ResourceReport& report, stdx::Instant now) {
  auto* zhost =
      listen(report.zhost(), report.incarnation(), report.counter(), &Zhost::report_counter, now);
  if (zhost == nullptr) return false;
  zhost->reported = true;
  zhost->report = report;
  zhost->spaces.clear();
  zhost->floors.clear();
  for (const auto& floor : report.floors())
    zhost->floors[{floor.topology_id(), floor.space()}] = floor.epoch();
  for (const auto& space : report.spaces()) {
    const std::pair key{space.topology_id(), space.space()};
    zhost->spaces[key] = space;
    // What is placed is not named among the floors.
    auto& floor = zhost->floors[key];
    floor = std::max(floor, space.epoch());
  }
  return true;
}

void ClusterManager::expect(const std::string& name, std::uint64_t incarnation, stdx::Instant now) {
  if (!zhosts_.contains(name) && zhosts_.size() >= zhosts_max) return;
  auto& zhost = zhosts_[name];
  if (incarnation <= zhost.incarnation) return;
  const bool returned = zhost.life == Life::dead;
  zhost = {};
  zhost.incarnation = incarnation;
  zhost.last_heartbeat = now;
  zhost.life = Life::alive;
  if (returned) events_.push_back({Event::Kind::alive, name, {}, ""});
}

void ClusterManager::take_over(stdx::Instant now) {
  for (auto& [name, zhost] : zhosts_) {
    zhost.last_heartbeat = now;
    zhost.heard = false;
    zhost.refusals.clear();
    if (zhost.life != Life::alive) zhost.life = Life::alive;
  }
  deaths_.clear();
  brake_until_ = {};
}

bool ClusterManager::brake_bites(std::size_t would_die, stdx::Instant now) {
  std::erase_if(deaths_, [&](auto at) { return now - at > options_.brake_window; });
  // Of all zhosts there are: those that died earlier are no reason to doubt less, and one that died
  // and came back is still one zhost.
  const auto all = zhosts_.size();
  return all >= 3 && (deaths_.size() + would_die) * 2 > all;
}

std::vector<ClusterManager::Event> ClusterManager::check(stdx::Instant now) {
  std::vector<std::pair<const std::string, Zhost>*> overdue;
  for (auto& entry : zhosts_) {
    auto& [name, zhost] = entry;
    if (zhost.life == Life::dead || zhost.life == Life::unknown) continue;
    const auto silence = now - zhost.last_heartbeat;
    if (silence >= options_.timeout) {
      overdue.push_back(&entry);
    } else if (silence >= options_.suspect_after && zhost.life == Life::alive) {
      zhost.life = Life::suspect;
      events_.push_back({Event::Kind::suspect, name, silence, "silence"});
    }
  }
  if (!overdue.empty() && now >= brake_until_) {
    // A pause that has just ended lets the verdicts that still stand proceed.
    const bool pause_ended =
        brake_until_ != stdx::Instant{} && now - brake_until_ < options_.brake_window;
    if (brake_bites(overdue.size(), now) && !pause_ended && !PLANTED(P14_brake)) {
      brake_until_ = now + options_.brake_pause;
    } else {
      for (auto* entry : overdue) {
        auto& [name, zhost] = *entry;
        deaths_.push_back(now);
        declare_dead(name, zhost, "silence", now);
      }
    }
  }
  return std::exchange(events_, {});
}

const ClusterManager::Zhost* ClusterManager::find(const std::string& zhost) const {
  const auto at = zhosts_.find(zhost);
  return at == zhosts_.end() ? nullptr : &at->second;
}

ClusterManager::Life ClusterManager::life(const std::string& zhost) const {
  const auto* known = find(zhost);
  return known == nullptr ? Life::unknown : known->life;
}

bool ClusterManager::heard(const std::string& zhost) const {
  const auto* known = find(zhost);
  return known != nullptr && known->heard;
}

bool ClusterManager::zrun_down(const std::string& zhost) const {
  const auto* known = find(zhost);
  if (known == nullptr) return false;
  const auto zrun = known->children.find("zrun");
  return zrun != known->children.end() && zrun->second == v1::CHILD_DOWN;
}

std::string ClusterManager::zrun_cause(const std::string& zhost) const {
  const auto* known = find(zhost);
  return known == nullptr || known->zrun_cause.empty() ? "" : " (" + known->zrun_cause + ")";
}

}  // namespace zrms
