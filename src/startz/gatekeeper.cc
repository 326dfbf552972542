// SPDX-License-Identifier: Apache-2.0
#include "startz/gatekeeper.h"

#include <algorithm>

#include "model/topology.h"
#include "stdx/encoding.h"
#include "stdx/plant.h"
#include "stdx/text.h"
#include "wire/states.h"

namespace startz {

std::string Gatekeeper::refusal(const v1::CommandHeader& header) {
  if (header.zhost() != zhost_)
    return stdx::format("this is zhost '{}', not '{}'", zhost_, header.zhost());
  if (header.incarnation() != incarnation_ && !PLANTED(P4_incarnation))
    return stdx::format("this is incarnation {}, not {}", incarnation_, header.incarnation());
  if (header.term() < highest_term_ && !PLANTED(P4_term))
    return stdx::format("term {} is over, {} was seen", header.term(), highest_term_);
  // Both become part of file names in zrun.
  if (!stdx::is_uuid(header.topology_id()) || !model::is_name(header.space()) ||
      header.epoch() == 0)
    return "a command names topology_id, space and epoch";
  highest_term_ = std::max(highest_term_, header.term());
  return {};
}

v1::CommandReply Gatekeeper::reply(const Key& key, wire::CommandOutcome outcome,
                                   std::string reason) const {
  v1::CommandReply reply;
  wire::set_outcome(reply, outcome);
  const auto floor = floors_.find(key);
  reply.set_floor(floor == floors_.end() ? 0 : floor->second.epoch);
  reply.set_highest_term(highest_term_);
  reply.set_reason(std::move(reason));
  return reply;
}

bool Gatekeeper::has_room() {
  if (floors_.size() >= floors_max)
    std::erase_if(floors_, [this](const auto& entry) {
      const auto term = entry.second.buried_in;
      return term != 0 && term < highest_term_;
    });
  return floors_.size() < floors_max;
}

v1::CommandReply Gatekeeper::place(const v1::PlaceCommand& command) {
  return place(command, command.topology().SerializeAsString());
}

v1::CommandReply Gatekeeper::place(const v1::PlaceCommand& command, const std::string& topology) {
  const auto& header = command.header();
  const Key key{header.topology_id(), header.space()};
  if (auto why = refusal(header); !why.empty())
    return reply(key, wire::CommandOutcome::refused, std::move(why));
  if (!floors_.contains(key) && !has_room())
    return reply(key, wire::CommandOutcome::refused,
                 stdx::format("{} spaces are known here, the limit", floors_max));
  if (!placed_.contains(key) && placed_.size() >= spaces_max_)
    return reply(key, wire::CommandOutcome::refused,
                 stdx::format("zhost '{}' has {} spaces, its limit (zrun.limits.spaces)", zhost_,
                              placed_.size()));
  const auto floor = floors_.find(key);
  if (floor != floors_.end() && header.epoch() <= floor->second.epoch) {
    const auto here = placed_.find(key);
    if (here != placed_.end() && here->second.command.header().epoch() == header.epoch())
      return reply(key, wire::CommandOutcome::already);
    if (!PLANTED(P4_floor))
      return reply(
          key, wire::CommandOutcome::refused,
          stdx::format("epoch {} is not above the floor {}", header.epoch(), floor->second.epoch));
  }
  auto& known = floors_[key];
  known = {.epoch = std::max(known.epoch, header.epoch())};
  Placed placed;
  placed.topology = shared(key.first, topology);
  placed.command = command;
  placed.command.clear_topology();
  placed.report.set_topology_id(key.first);
  placed.report.set_space(key.second);
  placed.report.set_epoch(header.epoch());
  wire::set_state(placed.report, wire::InstanceState::starting);
  placed_[key] = std::move(placed);
  return reply(key, wire::CommandOutcome::accepted);
}

// While an update goes on a topology has two texts here, seldom more.
std::shared_ptr<const std::string> Gatekeeper::shared(const std::string& id,
                                                      const std::string& topology) {
  auto& texts = texts_[id];
  std::erase_if(texts, [](const auto& text) { return text.expired(); });
  for (const auto& known : texts)
    if (auto text = known.lock(); text && *text == topology) return text;
  auto text = std::make_shared<const std::string>(topology);
  texts.push_back(text);
  return text;
}

void Gatekeeper::forget_texts(const std::string& id) {
  const auto near = placed_.lower_bound({id, ""});
  if (near == placed_.end() || near->first.first != id) texts_.erase(id);
}

v1::CommandReply Gatekeeper::stop(const v1::StopCommand& command) {
  const auto& header = command.header();
  const Key key{header.topology_id(), header.space()};
  if (auto why = refusal(header); !why.empty())
    return reply(key, wire::CommandOutcome::refused, std::move(why));
  const auto here = placed_.find(key);
  if (here != placed_.end() && here->second.command.header().epoch() > header.epoch())
    return reply(key, wire::CommandOutcome::refused, "a newer epoch is placed here");
  if (!floors_.contains(key) && !has_room())
    return reply(key, wire::CommandOutcome::refused,
                 stdx::format("{} spaces are known here, the limit", floors_max));
  auto& floor = floors_[key];
  floor.epoch = std::max(floor.epoch, header.epoch());
  if (command.remove_data()) floor.buried_in = highest_term_;
  placed_.erase(key);
  forget_texts(key.first);
  return reply(key, wire::CommandOutcome::accepted);
}

bool Gatekeeper::report(const v1::SpaceReport& report) {
  const auto here = placed_.find({report.topology_id(), report.space()});
  if (here == placed_.end()) return false;
  auto& placed = here->second;
  if (report.epoch() != placed.command.header().epoch() || report.run() < placed.report.run())
    return false;
  if (placed.report.SerializeAsString() == report.SerializeAsString()) return false;
  placed.report = report;
  // Should zrun start it anew: what it has stored by then must be there.
  if (wire::state_of(report) == wire::InstanceState::running)
    placed.command.set_data_expected(true);
  return true;
}

void Gatekeeper::mark_restarting() {
  for (auto& [key, placed] : placed_) wire::set_state(placed.report, wire::InstanceState::starting);
}

std::vector<v1::Floor> Gatekeeper::floors() const {
  std::vector<v1::Floor> list;
  for (const auto& [key, known] : floors_) {
    if (placed_.contains(key)) continue;
    v1::Floor floor;
    floor.set_topology_id(key.first);
    floor.set_space(key.second);
    floor.set_epoch(known.epoch);
    list.push_back(std::move(floor));
  }
  return list;
}

void Gatekeeper::describe(const Key& key, v1::Snapshot& out) const {
  if (const auto here = placed_.find(key); here != placed_.end()) {
    *out.add_spaces() = here->second.report;
  } else if (const auto known = floors_.find(key); known != floors_.end()) {
    auto& floor = *out.add_floors();
    floor.set_topology_id(key.first);
    floor.set_space(key.second);
    floor.set_epoch(known->second.epoch);
  }
}

}  // namespace startz
