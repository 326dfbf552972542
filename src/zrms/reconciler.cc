// SPDX-License-Identifier: Apache-2.0
#include "zrms/reconciler.h"

#include <algorithm>
#include <utility>

#include "stdx/plant.h"
#include "stdx/text.h"
#include "wire/states.h"
#include "zrms/reconciler_work.h"

namespace zrms {

using stdx::format;

namespace {
constexpr std::size_t reason_bytes_max = 4096;
}

std::vector<Candidate> Reconciler::candidates(const View& view) {
  std::vector<Candidate> list;
  for (const auto& member : view.members) {
    Candidate candidate;
    candidate.zhost = member.zhost_id();
    candidate.region = member.region();
    for (const auto& label : member.labels()) candidate.labels[label.name()] = label.value();
    candidate.devices.assign(member.devices().begin(), member.devices().end());
    candidate.memory_bytes = member.memory_bytes();
    candidate.spaces_max = member.spaces_max();
    const auto life = view.cluster.life(candidate.zhost);
    if (view.recovery.unavailable(candidate.zhost) || life == ClusterManager::Life::dead)
      candidate.unavailable = "unavailable: it failed";
    else if (life == ClusterManager::Life::suspect)
      candidate.unavailable = "suspect: not heard for a moment";
    else if (!view.cluster.heard(candidate.zhost))
      candidate.unavailable = "not heard yet";
    else if (view.cluster.zrun_down(candidate.zhost))
      candidate.unavailable = "its zrun is down" + view.cluster.zrun_cause(candidate.zhost);
    candidate.available = candidate.unavailable.empty();
    candidate.lost = life == ClusterManager::Life::dead || view.cluster.zrun_down(candidate.zhost);
    const auto load = view.records.load_of(candidate.zhost);
    candidate.spaces = load.spaces;
    candidate.memory_promised_bytes = load.memory_bytes;
    list.push_back(std::move(candidate));
  }
  std::sort(list.begin(), list.end(),
            [](const Candidate& a, const Candidate& b) { return a.zhost < b.zhost; });
  return list;
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
  for (const auto& [key, why] : refusals_) mark(view, key);
}

void Reconciler::sweep(const View& view, stdx::Instant now) {
  if (ever_swept_ && now - swept_at_ < options_.sweep_every) return;
  ever_swept_ = true;
  swept_at_ = now;
  std::erase_if(sent_, [&](const auto& e) {
    return !e.second.under_way && now - e.second.at >= options_.repeat_after;
  });
  std::erase_if(failures_, [&](const auto& e) {
    return view.records.space(e.first.first, e.first.second) == nullptr ||
           now - e.second.since > options_.failures_count_for;
  });
  std::erase_if(refusals_,
                [&](const auto& e) { return view.records.topology(e.first.first) == nullptr; });
  std::erase_if(progress_,
                [&](const auto& e) { return view.records.topology(e.first) == nullptr; });
  held_back_.clear();  // they are open
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
    refusals_.clear();
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
  if (PLANTED(P13_missing_row)) stop_rowless(work);
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
    roll(work, topology, progress) ? void() : judge_running(work, topology, progress);
  else
    judge_stopping(work, topology, progress);
}

void Reconciler::look_at(Work& work, const TopologyRow& topology, Progress& progress, Index index) {
  const auto& name = topology.spec().spaces[index].name;
  const auto* row = work.view.records.space(topology.record.id(), name);
  if (const auto at = refusals_.find({topology.record.id(), name}); at != refusals_.end())
    refusals_.erase(at);
  progress.waits.erase(index);
  const bool running = topology.record.desired() == v1::DESIRED_RUNNING;
  progress.rollout.forget(index);
  const bool good = !running ? settle_stopping(work, topology, row)
                    : topology.spec().spaces[index].removed
                        ? settle_removed(work, progress, index, row)
                        : settle_space(work, topology, progress, index);
  const bool copies = row != nullptr && stop_older_copies(work, *row);
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
    const auto refused = refusals_.find({record.id(), name});
    if (refused != refusals_.end()) {
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

// --- commands ---

bool Reconciler::sent_lately(const std::string& what, stdx::Instant now) const {
  const auto at = sent_.find(what);
  return at != sent_.end() && (at->second.under_way || now - at->second.at < options_.repeat_after);
}

void Reconciler::hold_back(const std::string& zhost, const std::string& topology, Index index) {
  held_back_[zhost].emplace_back(topology, index);
}

bool Reconciler::answered(const std::string& zhost, std::size_t bytes,
                          const std::vector<std::string>& names, stdx::Instant now) {
  window_.answered(zhost, bytes);
  for (const auto& name : names)
    if (const auto at = sent_.find(name); at != sent_.end()) at->second = {now, false};
  // As many as may fit now; the others wait for the next answer.
  bool any = false;
  for (auto at = held_back_.begin(); at != held_back_.end();) {
    auto& [to, waiting] = *at;
    for (std::size_t n = 0; n < options_.batch_max && !waiting.empty() && window_.room(to, 0);
         ++n) {
      const auto& [id, index] = waiting.front();
      if (const auto progress = progress_.find(id); progress != progress_.end()) {
        progress->second.hot.insert(index);
        hot_.insert(id);
        any = true;
      }
      waiting.pop_front();
    }
    at = waiting.empty() ? held_back_.erase(at) : std::next(at);
  }
  return any;
}

void Reconciler::send_stop(Work& work, const v1::SpaceRecord& record, const std::string& zhost,
                           std::uint64_t incarnation, std::uint64_t epoch, const Ending& ending) {
  auto what = format("stop/{}/{}/{}/{}", record.topology_id(), record.space(), epoch, zhost);
  if (sent_lately(what, work.now)) return;
  v1::StopCommand command;
  auto& header = *command.mutable_header();
  header.set_term(work.view.term);
  header.set_zhost(zhost);
  header.set_incarnation(incarnation);
  header.set_topology_id(record.topology_id());
  header.set_space(record.space());
  header.set_epoch(epoch);
  header.set_lineage(work.view.records.lineage().id());
  header.set_counter(work.view.records.counter());
  command.set_why(ending.why);
  command.set_remove_data(ending.remove_data);
  command.set_topology_ends(ending.topology_ends);
  const auto bytes = command.ByteSizeLong();
  if (!window_.room(zhost, bytes)) {
    const auto* topology = work.view.records.topology(record.topology_id());
    const int index = topology == nullptr ? -1 : topology->index().find(record.space());
    if (index >= 0) hold_back(zhost, record.topology_id(), static_cast<Index>(index));
    return;
  }
  window_.sent(zhost, bytes);
  sent_[what] = {work.now, true};
  work.plan.commands.stops.push_back({std::move(command), bytes, {std::move(what)}});
}

void Reconciler::send_place(Work& work, const TopologyRow& topology, Index index,
                            const SpaceRow& row) {
  const auto& record = row.record;
  auto what = format("place/{}/{}/{}", record.topology_id(), record.space(), record.epoch());
  if (sent_lately(what, work.now)) return;
  v1::PlaceCommand command;
  auto& header = *command.mutable_header();
  header.set_term(work.view.term);
  header.set_zhost(record.zhost());
  header.set_incarnation(record.incarnation());
  header.set_topology_id(record.topology_id());
  header.set_space(record.space());
  header.set_epoch(record.epoch());
  header.set_lineage(work.view.records.lineage().id());
  header.set_counter(work.view.records.counter());
  command.set_mex_sha256(topology.record.mex_sha256());
  command.set_topology_version(topology.spec().version);
  command.set_data_expected(record.has_data());
  command.set_replaces(record.replaces());
  command.set_definition(record.definition());
  command.set_restarts(record.restarts());
  command.set_last_failure(record.last_failure());
  *command.mutable_blob_holders() = topology.record.blob_holders();
  // S1: what the receiver's former instance may have been told of its senders.
  for (const auto other : topology.index().ties(index).senders) {
    const auto& name = topology.spec().spaces[other].name;
    const auto* known = work.view.records.space(record.topology_id(), name);
    if (known == nullptr) continue;
    auto& sender = *command.add_senders();
    sender.set_space(name);
    sender.set_epoch(known->record.epoch());
  }
  const auto bytes = command.ByteSizeLong();
  const std::pair to{record.zhost(), record.topology_id()};
  auto at = work.places.find(to);
  const bool full =
      at != work.places.end() &&
      (at->second.names.size() >= options_.batch_max ||
       at->second.bytes - topology.text->bytes->size() + bytes > CommandWindow::batch_bytes_max);
  if (at == work.places.end() || full) {
    const auto whole = bytes + topology.text->bytes->size();
    if (!window_.room(record.zhost(), whole))
      return hold_back(record.zhost(), record.topology_id(), index);
    if (full) work.plan.commands.places.push_back(std::move(at->second));
    window_.sent(record.zhost(), whole);
    auto& places = work.places[to];
    places = {record.zhost(), {}, whole, {}};
    places.batch.set_topology(*topology.text->bytes);
    at = work.places.find(to);
  } else {
    window_.grew(record.zhost(), bytes);
    at->second.bytes += bytes;
  }
  sent_[what] = {work.now, true};
  at->second.names.push_back(std::move(what));
  *at->second.batch.add_commands() = std::move(command);
}

}  // namespace zrms
