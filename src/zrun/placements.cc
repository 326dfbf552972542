// SPDX-License-Identifier: Apache-2.0
#include "zrun/placements.h"

#include <algorithm>
#include <utility>

#include "stdx/encoding.h"
#include "stdx/text.h"
#include "wire/frame.h"
#include "wire/states.h"
#include "wire/topology_codec.h"

namespace zrun {

using stdx::Code;

namespace {

v1::CommandReply reply(wire::CommandOutcome outcome, std::string reason = "") {
  v1::CommandReply out;
  wire::set_outcome(out, outcome);
  out.set_reason(std::move(reason));
  return out;
}

}  // namespace

Placements::Placements(Parts parts, Options options)
    : runtime_(parts.space.runtime),
      space_parts_(parts.space),
      spaces_(parts.spaces),
      courier_(parts.courier),
      letters_(parts.letters),
      outside_requests_(parts.outside_requests),
      peers_(parts.peers),
      starter_(parts.starter),
      data_(parts.data),
      options_(std::move(options)),
      running_gauge_(runtime_.metrics.gauge("samoza_zrun_spaces_running", "Spaces running here")) {}

// --- placing ---

stdx::Result<LocalTopology*> Placements::topology_of(const v1::PlaceCommand& command,
                                                     const ReadSpec& spec) {
  const auto& id = command.header().topology_id();
  auto* topology = spaces_.topology_with_id(id);
  if (topology != nullptr && command.topology_version() <= topology->spec().version)
    return topology;
  TRY_ASSIGN(auto read, spec());
  if (topology == nullptr) {
    TRY_ASSIGN(auto made, LocalTopology::make(model::TopologyId(id), std::move(read)));
    topology = &spaces_.add(std::move(made));
  } else {
    TRY(topology->update(std::move(read)));
  }
  peers_.tell(*topology);
  return topology;
}

v1::CommandReply Placements::place(const v1::PlaceCommand& command) {
  return place(command, [&] { return wire::from_wire(command.topology()); });
}

// The text of a topology that is here already is not read again, however many spaces it has.
v1::PlaceBatchReply Placements::place_many(const v1::PlaceBatch& batch) {
  v1::PlaceBatchReply replies;
  const auto spec = [&]() -> stdx::Result<model::Topology> {
    TRY_ASSIGN(const auto wire, wire::parse<v1::TopologySpec>(batch.topology()));
    return wire::from_wire(wire);
  };
  for (const auto& command : batch.commands()) *replies.add_replies() = place(command, spec);
  return replies;
}

v1::CommandReply Placements::place(const v1::PlaceCommand& command, const ReadSpec& spec) {
  const auto& header = command.header();
  if (closing_) return reply(wire::CommandOutcome::refused, "zrun is stopping");
  if (!stdx::is_uuid(header.topology_id()))
    return reply(wire::CommandOutcome::refused, "no topology id");
  const Key key{header.topology_id(), header.space()};
  auto* present = spaces_.find(key);
  if (present != nullptr) {
    const auto& id = present->space->id();
    const model::InstanceId asked{id.key, model::Epoch(header.epoch()), model::Run(command.run())};
    if (asked <= id)
      return reply(asked == id ? wire::CommandOutcome::already : wire::CommandOutcome::refused,
                   "a newer instance is here");
  }
  const auto found = topology_of(command, spec);
  if (!found) return reply(wire::CommandOutcome::refused, found.error().message);
  auto& topology = **found;
  const auto text = topology.text_of(command.topology_version(), spec);
  if (!text || topology.index_in(**text, header.space()) < 0) {
    forget_topology_if_empty(header.topology_id());
    return reply(wire::CommandOutcome::refused,
                 text ? "the topology has no such space" : text.error().message);
  }
  if (present != nullptr) {
    auto& placed = *present;
    const auto replaces = command.replaces();
    // Also the one that is to begin when the one before it has closed.
    const bool goes_on =
        replaces != 0 && (replaces == placed.space->id().epoch.value ||
                          (placed.next && replaces == placed.next->header().epoch()));
    if (goes_on) return replace(placed, *text, command);
    placed.next.reset();
    retire(key);
    // It may have been the last one here.
    const auto again = topology_of(command, spec);
    if (!again) return reply(wire::CommandOutcome::refused, again.error().message);
    return place_here(**again, *text, command, {});
  }
  if (spaces_.all().size() >= options_.spaces_max)
    return reply(wire::CommandOutcome::refused,
                 stdx::format("zrun holds {} spaces, its limit", spaces_.all().size()));
  return place_here(topology, *text, command, {});
}

namespace {

// Of no other life of the same space, and of no outbox (random, and so hardly ever with this bit).
std::uint64_t name_of_numbering(std::uint64_t epoch, std::uint32_t run) {
  return (1ull << 63) | (epoch << 24) | run;
}

}  // namespace

v1::CommandReply Placements::place_here(LocalTopology& topology,
                                        std::shared_ptr<const model::Topology> text,
                                        const v1::PlaceCommand& command, Handed handed) {
  const auto& header = command.header();
  const Key key{header.topology_id(), header.space()};
  const auto index = static_cast<std::uint16_t>(topology.index_in(*text, header.space()));
  const auto version = text->version;
  model::InstanceId id{
      {topology.id, header.space()}, model::Epoch(header.epoch()), model::Run(command.run())};
  auto& placed = spaces_.all()[key];
  placed.space = std::make_unique<Space>(space_parts_, topology, index, id,
                                         SpacePast{command.restarts(), command.last_failure()},
                                         std::move(text));
  for (const auto& sender : command.senders()) {
    const int from = topology.index_of(sender.space());
    if (from < 0) continue;
    auto& known = topology.slots[static_cast<std::size_t>(from)].known;
    known = std::max(known, sender.epoch());
  }
  placed.data_expected = command.data_expected();
  auto& slot = topology.slots[index];
  slot.local = placed.space.get();
  slot.life = {header.epoch(), command.run()};
  if (slot.epoch <= header.epoch()) {
    slot.epoch = header.epoch();
    slot.zhost = options_.zhost;
  }
  runtime_.log.info("space_placed_here", {{"topology", key.first},
                                          {"space", key.second},
                                          {"epoch", header.epoch()},
                                          {"run", command.run()},
                                          {"version", version}});
  for (auto* path : topology.paths_of[index])
    if (path->from == index && path->out.name() == 0)
      path->out.begin(name_of_numbering(header.epoch(), command.run()));
  placed.space->carry(std::move(handed.outgoing));
  for (auto& message : handed.messages) placed.space->deliver(std::move(message));
  courier_.space_arrived(topology, index, handed.with_mailbox);
  space_parts_.owner.state_changed(*placed.space);
  starter_.start(key, command);
  return reply(wire::CommandOutcome::accepted);
}

// --- replacing ---

// A newer version of a space takes the place of the one that runs here: the former one is closed,
// and what it had not finished goes on (PlaceCommand.replaces).
v1::CommandReply Placements::replace(PlacedSpace& placed,
                                     std::shared_ptr<const model::Topology> text,
                                     const v1::PlaceCommand& command) {
  v1::CommandReply reply;
  const auto of = [](const v1::PlaceCommand& c) { return std::pair(c.header().epoch(), c.run()); };
  const bool again = placed.next && of(*placed.next) == of(command);
  wire::set_outcome(reply, again ? wire::CommandOutcome::already : wire::CommandOutcome::accepted);
  if (again) return reply;
  const bool closing = placed.next != nullptr;
  placed.next = std::make_unique<v1::PlaceCommand>(command);
  placed.next->clear_topology();  // it is read
  placed.next_text = std::move(text);
  if (placed.space->is_over())
    retire_later({command.header().topology_id(), command.header().space()}, placed.space->id());
  else if (!closing)
    placed.space->stop("a newer version of it takes its place");
  return reply;
}

namespace {

// An outbox has numbers of its own: what a receiver has by the former ones comes again, marked.
// Copies, as a receiver in this zrun holds the same messages.
void take_for_store(MessagePool& pool, PathState& path, std::vector<Turn::Emit>& outgoing) {
  path.out.restart();
  path.out.drain([&](const MessagePtr& message) {
    auto copy = pool.make(message->payload);
    copy->redelivered = message->redelivered;
    copy->seq = message->seq;
    if (const auto* trace = message->trace()) copy->set_trace(*trace);
    outgoing.push_back({path.index, std::move(copy)});
  });
}

}  // namespace

// What its senders keep goes to the next instance anyway; what only this zrun has is handed on: the
// messages it had sent and that are not finished (with their numbers), those it sent to itself, and
// those that nobody keeps and it had not begun.
void Placements::hand_over(const Key& key, LocalTopology& topology, PlacedSpace& placed) {
  auto& former = *placed.space;
  const auto& command = *placed.next;
  // The topology here may be of a version after the one that this command is of.
  const auto has = [&paths = placed.next_text->paths](const PathState& path) {
    return path.index < paths.size() && !paths[path.index].removed;
  };
  const int index = topology.index_in(*placed.next_text, key.second);
  const bool into_store =
      model::is_transactional(*placed.next_text, static_cast<std::size_t>(index));
  Handed handed{{}, former.take_carried(), !former.is_transactional()};
  for (auto* path : topology.paths_of[former.index()]) {
    if (path->from != former.index()) continue;
    path->opened_to.clear();
    if (path->out.stream() != 0)
      path->out.drain([](MessagePtr) {});  // the next instance reads it from the store
    else if (!has(*path))
      letters_.not_received(topology, *path, "an update removed its path before it was received");
    else if (into_store && path->out.keeps_until_finished())
      take_for_store(space_parts_.pool, *path, handed.outgoing);
    else
      path->out.take_over(command.header().epoch(), command.run());
  }
  letters_.receiver_leaves(former, &handed.messages);
  std::erase_if(handed.messages, [&](const MessagePtr& message) {
    if (!message->is_from_outside() ||
        OutsideRequests::are_taken_by(placed.next_text->spaces[static_cast<std::size_t>(index)],
                                      message->http))
      return false;
    letters_.not_handled(former, *message, "an update closed the space to messages from outside");
    return true;
  });
  letters_.forget_stored(key.first, key.second);
  place_here(topology, placed.next_text, command, std::move(handed));
}

// --- stopping ---

v1::CommandReply Placements::stop(const v1::StopCommand& command) {
  const auto& header = command.header();
  if (!stdx::is_uuid(header.topology_id()) || !model::is_name(header.space()))
    return reply(wire::CommandOutcome::refused, "a stop names topology_id and space");
  const Key key{header.topology_id(), header.space()};
  auto* placed = spaces_.find(key);
  if (placed == nullptr) {
    if (command.remove_data()) remove_stored({model::TopologyId(key.first), key.second});
    return reply(wire::CommandOutcome::already);
  }
  if (placed->space->id().epoch.value > header.epoch())
    return reply(wire::CommandOutcome::refused, "a newer instance is here");
  placed->remove_data |= command.remove_data();
  placed->topology_ends |= command.topology_ends();
  if (placed->next && placed->next->header().epoch() <= header.epoch()) placed->next.reset();
  auto& space = *placed->space;
  if (!space.is_over())
    space.stop(command.why().empty() ? "stopped by command" : command.why());
  else
    retire_later(key, space.id());
  return reply(wire::CommandOutcome::accepted);
}

// --- leaving ---

void Placements::state_changed(Space& space) {
  const Key key{space.id().key.topology.value, space.id().key.space};
  auto* placed = spaces_.find(key);
  if (placed == nullptr || placed->space.get() != &space) return;
  count_running(*placed, !space.is_ui() && space.state() == SpaceState::running);
  // It may fail while it closes: the one that takes its place begins all the same.
  if (space.state() == SpaceState::stopped || (space.state() == SpaceState::failed && placed->next))
    retire_later(key, space.id());
}

void Placements::close() {
  closing_ = true;
  for (const auto& [key, placed] : spaces_.all())
    if (placed.space->is_over()) retire_later(key, placed.space->id());
}

// Posted, as the space may be on the stack. A newer instance that came meanwhile stays: a stop may
// come twice, and a place right behind it.
void Placements::retire_later(const Key& key, const model::InstanceId& id) {
  runtime_.executor.post([this, key, id, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    const auto* placed = spaces_.find(key);
    if (placed != nullptr && placed->space->id() == id) retire(key);
  });
}

// Maintained incrementally; recounting would make each state change O(spaces).
void Placements::count_running(PlacedSpace& placed, bool runs) {
  if (placed.counted == runs) return;
  placed.counted = runs;
  running_ += runs ? 1 : -1;
  running_gauge_.set(running_);
}

void Placements::retire(const Key& key) {
  auto node = spaces_.all().extract(key);
  if (node.empty()) return;
  auto& placed = node.mapped();
  count_running(placed, false);
  auto& space = *placed.space;
  auto& topology = space.topology();
  topology.slots[space.index()].local = nullptr;
  if (placed.next && !closing_) return hand_over(key, topology, placed);
  for (const auto& [path, message] : space.take_carried())
    letters_.given_up(topology, path, *message,
                      "its sender was stopped or moved before it was in its outbox");
  letters_.sender_leaves(space, !placed.remove_data, placed.topology_ends);
  letters_.receiver_leaves(space);
  outside_requests_.fail(
      key,
      {Code::unknown, stdx::format("space '{}' was stopped or moved before it had "
                                   "handled the message to its end",
                                   key.second)},
      /*forget=*/true);
  letters_.forget_stored(key.first, key.second);
  const auto id = space.id().key;
  placed.pages.reset();
  placed.space.reset();
  if (placed.remove_data) remove_stored(id);
  forget_topology_if_empty(key.first);
  if (closing_ && spaces_.all().empty() && on_empty) on_empty();
}

void Placements::forget_topology_if_empty(const std::string& id) {
  auto* topology = spaces_.topology_with_id(id);
  if (topology == nullptr || topology->has_local_spaces()) return;
  courier_.forget(*topology);
  spaces_.remove_topology(id);
}

void Placements::remove_stored(const model::SpaceKey& key) {
  data_.remove(key);
  if (space_parts_.logs != nullptr) space_parts_.logs->remove(key);
}

}  // namespace zrun
