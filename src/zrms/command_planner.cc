// SPDX-License-Identifier: Apache-2.0
#include "zrms/command_planner.h"

#include <utility>

#include "stdx/text.h"

namespace zrms {

using stdx::format;

bool CommandPlanner::sent_lately(const std::string& what, stdx::Instant now) const {
  const auto at = sent_.find(what);
  return at != sent_.end() && (at->second.under_way || now - at->second.at < options_.repeat_after);
}

void CommandPlanner::hold_back(const std::string& zhost, const std::string& topology, Index index) {
  held_back_[zhost].emplace_back(topology, index);
}

std::vector<CommandPlanner::Held> CommandPlanner::answered(const std::string& zhost,
                                                           std::size_t bytes,
                                                           const std::vector<std::string>& names,
                                                           stdx::Instant now) {
  window_.answered(zhost, bytes);
  for (const auto& name : names)
    if (const auto at = sent_.find(name); at != sent_.end()) at->second = {now, false};
  std::vector<Held> released;
  for (auto at = held_back_.begin(); at != held_back_.end();) {
    auto& [to, waiting] = *at;
    for (std::size_t n = 0; n < options_.batch_max && !waiting.empty() && window_.room(to, 0);
         ++n) {
      released.push_back(std::move(waiting.front()));
      waiting.pop_front();
    }
    at = waiting.empty() ? held_back_.erase(at) : std::next(at);
  }
  return released;
}

void CommandPlanner::sweep(stdx::Instant now) {
  std::erase_if(sent_, [&](const auto& e) {
    return !e.second.under_way && now - e.second.at >= options_.repeat_after;
  });
  held_back_.clear();  // they are open
}

void CommandPlanner::stop(PlanWork& work, const v1::SpaceRecord& record, const std::string& zhost,
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

void CommandPlanner::place(PlanWork& work, const TopologyRow& topology, Index index,
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
