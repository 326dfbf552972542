// SPDX-License-Identifier: Apache-2.0
#include "zrms/reconciler.h"

#include <algorithm>
#include <utility>

#include "stdx/plant.h"
#include "stdx/text.h"
#include "wire/states.h"

namespace zrms {

using stdx::format;

namespace {
constexpr std::size_t reason_bytes_max = 4096;
}

// --- what to look at ---

void Reconciler::mark(const View& view, const Key& key) {
  const auto* topology = view.records.topology(key.first);
  if (topology == nullptr) return;
  if (key.second.empty()) return mark_all(view, *topology);
  const int index = topology->index().find(key.second);
  if (index < 0) return;
  progress_[key.first].hot.insert(static_cast<Index>(index));
  hot_.insert(key.first);
}

void Reconciler::look_again(const RowChange& change) {
  if (change.kind == "token") return;  // none of its own
  const auto& id = change.kind == "topology"  ? change.topology.id()
                   : change.kind == "version" ? change.former.topology_id()
                                              : change.space.topology_id();
  hot_.insert(id);
  if (change.kind != "space") return;
  // By name: the view is not at hand; a space that is unknown by now is passed over.
  again_.insert({id, change.space.space()});
}

void Reconciler::mark_all(const View&, const TopologyRow& topology) {
  auto& progress = progress_[topology.record.id()];
  for (Index i = 0; i < topology.spec().spaces.size(); ++i)
    progress.hot.insert(progress.hot.end(), i);
  hot_.insert(topology.record.id());
}

// What is on a zhost, by the records or by its own words, is looked at when it comes or goes.
void Reconciler::mark_zhosts(const View& view) {
  std::map<std::string, Standing> standings;
  for (const auto& [name, zhost] : view.cluster.zhosts()) {
    auto& standing = standings[name];
    standing = {.incarnation = zhost.incarnation,
                .life = zhost.life,
                .heard = zhost.heard,
                .reported = zhost.reported,
                .zrun_down = view.cluster.zrun_down(name)};
  }
  for (const auto& member : view.members) {
    auto& standing = standings[member.zhost_id()];
    standing.member = member.incarnation();
    standing.unavailable = view.recovery.unavailable(member.zhost_id());
  }
  const auto changed = [&](const std::string& name) {
    for (const auto& key : view.records.on(name)) mark(view, key);
    if (const auto* zhost = view.cluster.find(name))
      for (const auto& [key, seen] : zhost->spaces) mark(view, key);
  };
  for (const auto& [name, standing] : standings) {
    const auto before = standings_.find(name);
    if (before == standings_.end() || before->second != standing) changed(name);
  }
  for (const auto& [name, standing] : standings_)
    if (!standings.contains(name)) changed(name);
  if (standings == standings_) return;
  standings_ = std::move(standings);
  // What found no zhost may find one now.
  for (const auto& [key, why] : refusals()) mark(view, key);
}

void Reconciler::sweep(const View& view, stdx::Instant now) {
  if (ever_swept_ && now - swept_at_ < options_.sweep_every) return;
  ever_swept_ = true;
  swept_at_ = now;
  parts_->commands.sweep(now);
  parts_->settler.sweep(view.records, now);
  parts_->placer.forget_gone(view.records);
  std::erase_if(progress_,
                [&](const auto& e) { return view.records.topology(e.first) == nullptr; });
  for (auto& [id, progress] : progress_) {
    if (progress.open.empty() && progress.down.empty()) continue;
    progress.hot.insert(progress.open.begin(), progress.open.end());
    hot_.insert(id);
  }
}

void Reconciler::take_news(const View& view, stdx::Instant now) {
  if (!view.records.changes().read(rows_read_, [&](const Key& key) { mark(view, key); })) {
    progress_.clear();
    hot_.clear();
    parts_->placer.forget_refusals();
    for (const auto& [id, topology] : view.records.topologies()) mark_all(view, topology);
  }
  if (!view.cluster.changes().read(reports_read_, [&](const Key& key) { mark(view, key); }))
    for (const auto& [id, topology] : view.records.topologies()) mark_all(view, topology);
  for (const auto& key : std::exchange(again_, {})) mark(view, key);
  mark_zhosts(view);
  sweep(view, now);
}

Plan Reconciler::plan(const View& view, stdx::Instant now) {
  take_news(view, now);
  Work work(view, now);
  if (PLANTED(P13_missing_row)) parts_->stopper.stop_rowless(work);
  while (!hot_.empty() && work.looks < options_.looks_max && work.room(options_.changes_max)) {
    auto next = hot_.upper_bound(last_);
    if (next == hot_.end()) next = hot_.begin();
    last_ = *next;
    const auto* topology = view.records.topology(last_);
    if (topology == nullptr) {
      progress_.erase(last_);
      hot_.erase(next);
      continue;
    }
    work.topologies.push_back(last_);
    look_at_topology(work, *topology, progress_[last_]);
  }
  for (auto& [to, places] : work.places) work.plan.commands.places.push_back(std::move(places));
  for (const auto& id : work.topologies) progress_[id].moved.clear();
  looks_ += work.looks + work.candidates.looks();
  work.plan.more = !hot_.empty();
  return std::move(work.plan);
}

// --- topologies ---

void Reconciler::look_at_topology(Work& work, const TopologyRow& topology, Progress& progress) {
  // Every space of it is looked at anew (Records::put notes it): indices are as before.
  if (std::exchange(progress.version, topology.spec().version) != topology.spec().version)
    progress.rollout = {};
  while (!progress.hot.empty()) {
    if (work.looks >= options_.looks_max || !work.room(options_.changes_max)) return;
    const auto index = *progress.hot.begin();
    progress.hot.erase(progress.hot.begin());
    ++work.looks;
    look_at(work, topology, progress, index);
  }
  if (!work.room(options_.changes_max)) return;
  hot_.erase(topology.record.id());
  ++work.looks;
  if (topology.record.desired() == v1::DESIRED_RUNNING)
    parts_->updates.roll(work, topology, progress) ? void()
                                                   : judge_running(work, topology, progress);
  else
    judge_stopping(work, topology, progress);
}

void Reconciler::look_at(Work& work, const TopologyRow& topology, Progress& progress, Index index) {
  const auto& name = topology.spec().spaces[index].name;
  const auto* row = work.view.records.space(topology.record.id(), name);
  parts_->placer.forget_refusal({topology.record.id(), name});
  progress.waits.erase(index);
  const bool running = topology.record.desired() == v1::DESIRED_RUNNING;
  progress.rollout.forget(index);
  const bool good = !running ? parts_->stopper.settle(work, topology, row)
                    : topology.spec().spaces[index].removed
                        ? parts_->updates.settle_removed(work, progress, index, row)
                        : parts_->settler.settle(work, topology, progress, index);
  const bool copies = row != nullptr && parts_->stopper.stop_older(work, *row);
  if (good)
    progress.down.erase(index);
  else
    progress.down.insert(index);
  if (good && !copies && !progress.rollout.is_on_trial(index))
    progress.open.erase(index);
  else
    progress.open.insert(index);
}

void Reconciler::judge_running(Work& work, const TopologyRow& topology, Progress& progress) {
  const auto& record = topology.record;
  const bool all = progress.down.empty();
  std::string reason;
  bool unplaceable = false;
  if (!all) {
    const auto first = *progress.down.begin();
    const auto& name = topology.spec().spaces[first].name;
    const auto* row = work.view.records.space(record.id(), name);
    const auto refused = refusals().find({record.id(), name});
    if (refused != refusals().end()) {
      unplaceable =
          !work.someone_unheard() || wire::state_of(record) == wire::TopologyState::failed;
      reason = format("space {} has no zhost: {}", name,
                      fmt::format("{}", fmt::join(refused->second, "; ")));
    } else if (const auto waits = progress.waits.find(first); waits != progress.waits.end()) {
      reason = waits->second;
    } else {
      reason = work.why_not_running(topology.spec(), name, row);
    }
  }
  const auto before = wire::state_of(record);
  auto state = wire::TopologyState::degraded;
  if (all)
    state = wire::TopologyState::running;
  else if (before == wire::TopologyState::pending || before == wire::TopologyState::stopped)
    state = wire::TopologyState::pending;
  else if (unplaceable)
    state = wire::TopologyState::failed;  // R-FAIL-10; it goes on trying, and runs again when
                                          // capacity appears
  // A thousand zhosts may each have a reason to refuse; the record has a bound.
  reason = stdx::shortened(std::move(reason), reason_bytes_max);
  if (state == before && reason == record.reason()) return;
  if (state == before && !record.reason().empty() &&
      work.now - progress.reason_at < options_.reason_every)
    return;
  progress.reason_at = work.now;
  auto next = record;
  wire::set_state(next, state);
  next.set_reason(reason);
  if (state != before) next.set_updated(work.view.now_text);
  work.plan.changes.push_back(change_of(topology, std::move(next)));
}

void Reconciler::judge_stopping(Work& work, const TopologyRow& topology, const Progress& progress) {
  if (!progress.down.empty()) return;
  const auto& record = topology.record;
  if (record.desired() == v1::DESIRED_DELETED) {
    for (const auto& [number, former] : work.view.records.versions(record.id()))
      work.plan.changes.push_back(removal_of(former));
    work.plan.changes.push_back(removal_of(topology));
  } else if (wire::state_of(record) != wire::TopologyState::stopped) {
    auto next = record;
    wire::set_state(next, wire::TopologyState::stopped);
    next.set_reason("");
    next.set_updated(work.view.now_text);
    work.plan.changes.push_back(change_of(topology, std::move(next)));
  }
}

bool Reconciler::answered(const std::string& zhost, std::size_t bytes,
                          const std::vector<std::string>& names, stdx::Instant now) {
  bool any = false;
  for (const auto& [id, index] : parts_->commands.answered(zhost, bytes, names, now)) {
    const auto progress = progress_.find(id);
    if (progress == progress_.end()) continue;
    progress->second.hot.insert(index);
    hot_.insert(id);
    any = true;
  }
  return any;
}

}  // namespace zrms
