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
    clear_spaces(name, zhost);
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
    if (child.name() == "zrun") note_zrun(beat.zhost(), *zhost, child);
    zhost->children[child.name()] = child.state();
  }
  zhost->said_goodbye = beat.goodbye();
  if (!beat.over_mesh())
    zhost->over_mesh_since.reset();
  else if (!zhost->over_mesh_since)
    zhost->over_mesh_since = now;
  if (beat.goodbye()) declare_dead(beat.zhost(), *zhost, "goodbye", now);
  return true;
}

// It ended where it was up and is not, or where it was started once more between two beats.
void ClusterManager::note_zrun(const std::string& name, Zhost& zhost, const v1::ChildStatus& zrun) {
  const auto former = zhost.children.find("zrun");
  const auto runs = [](v1::ChildState state) {
    return state == v1::CHILD_UP || state == v1::CHILD_HUNG;
  };
  const bool ended = former != zhost.children.end() &&
                     ((runs(former->second) && !runs(zrun.state())) ||
                      (runs(former->second) && zrun.starts() > zhost.zrun_starts));
  zhost.zrun_starts = zrun.starts();
  zhost.zrun_cause = zrun.cause();
  // Without a cause its zhost is stopping, as somebody told it.
  if (!ended || zrun.cause().empty() || zrun_ends_.size() >= zrun_ends_max) return;
  zrun_ends_.push_back({name, zrun.cause(), zhost.spaces.size()});
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
  const bool builds_on = zhost->reported && report.base() == zhost->known_upto;
  if (report.base() != 0 && !builds_on) {
    zhost->whole_wanted = true;
    return true;
  }
  zhost->reported = true;
  zhost->known_upto = report.counter();
  if (report.base() != 0) {
    take_changes(report.zhost(), *zhost, report);
    auto archives = std::move(*zhost->report.mutable_blobs());
    zhost->report = report;
    if (report.same_blobs()) *zhost->report.mutable_blobs() = std::move(archives);
  } else {
    zhost->whole_wanted = false;
    take_whole(report.zhost(), *zhost, report);
    zhost->report = report;
  }
  zhost->report.clear_spaces();
  zhost->report.clear_floors();
  return true;
}

namespace {

bool same(const v1::SpaceReport& a, const v1::SpaceReport& b) {
  return a.epoch() == b.epoch() && a.run() == b.run() && a.state() == b.state() &&
         a.detail() == b.detail();
}

}  // namespace

void ClusterManager::not_there(const std::string& name, const ChangeLog::Key& space) {
  const auto at = reporters_.find(space);
  if (at == reporters_.end()) return;
  at->second.erase(name);
  if (at->second.empty()) reporters_.erase(at);
}

void ClusterManager::clear_spaces(const std::string& name, Zhost& zhost) {
  for (const auto& [key, space] : zhost.spaces) {
    not_there(name, key);
    changes_.note(key);
  }
}

void ClusterManager::forget(const std::string& name) {
  const auto at = zhosts_.find(name);
  if (at == zhosts_.end()) return;
  clear_spaces(name, at->second);
  zhosts_.erase(at);
}

const std::set<std::string>& ClusterManager::reporters(const ChangeLog::Key& space) const {
  static const std::set<std::string> none;
  const auto at = reporters_.find(space);
  return at == reporters_.end() ? none : at->second;
}

void ClusterManager::take_changes(const std::string& name, Zhost& zhost,
                                  const v1::ResourceReport& report) {
  for (const auto& floor : report.floors()) {
    const ChangeLog::Key key{floor.topology_id(), floor.space()};
    if (zhost.spaces.erase(key) > 0) not_there(name, key);
    auto& known = zhost.floors[key];
    known = std::max(known, floor.epoch());
    changes_.note(key);
  }
  for (const auto& space : report.spaces()) {
    const ChangeLog::Key key{space.topology_id(), space.space()};
    zhost.spaces[key] = space;
    reporters_[key].insert(name);
    // What is placed is not named among the floors.
    auto& floor = zhost.floors[key];
    floor = std::max(floor, space.epoch());
    changes_.note(key);
  }
}

void ClusterManager::take_whole(const std::string& name, Zhost& zhost,
                                const v1::ResourceReport& report) {
  const auto spaces = std::exchange(zhost.spaces, {});
  const auto floors = std::exchange(zhost.floors, {});
  for (const auto& floor : report.floors())
    zhost.floors[{floor.topology_id(), floor.space()}] = floor.epoch();
  for (const auto& space : report.spaces()) {
    const ChangeLog::Key key{space.topology_id(), space.space()};
    zhost.spaces[key] = space;
    auto& floor = zhost.floors[key];
    floor = std::max(floor, space.epoch());
    const auto before = spaces.find(key);
    if (before == spaces.end()) reporters_[key].insert(name);
    if (before == spaces.end() || !same(before->second, space)) changes_.note(key);
  }
  for (const auto& [key, space] : spaces)
    if (!zhost.spaces.contains(key)) {
      not_there(name, key);
      changes_.note(key);
    }
  for (const auto& [key, floor] : zhost.floors) {
    const auto before = floors.find(key);
    if ((before == floors.end() || before->second != floor) && !zhost.spaces.contains(key))
      changes_.note(key);
  }
}

bool ClusterManager::whole_wanted(const std::string& name) const {
  const auto* zhost = find(name);
  return zhost == nullptr || zhost->whole_wanted;
}

void ClusterManager::expect(const std::string& name, std::uint64_t incarnation, stdx::Instant now) {
  if (!zhosts_.contains(name) && zhosts_.size() >= zhosts_max) return;
  auto& zhost = zhosts_[name];
  if (incarnation <= zhost.incarnation) return;
  const bool returned = zhost.life == Life::dead;
  clear_spaces(name, zhost);
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

std::vector<std::string> ClusterManager::silent(stdx::Instant now,
                                                stdx::Duration longer_than) const {
  std::vector<std::string> names;
  for (const auto& [name, zhost] : zhosts_)
    if ((zhost.life == Life::alive || zhost.life == Life::suspect) &&
        now - zhost.last_heartbeat >= longer_than)
      names.push_back(name);
  return names;
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
