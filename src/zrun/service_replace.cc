// SPDX-License-Identifier: Apache-2.0
// A newer version of a space takes the place of the one that runs here: the former one is closed,
// and what it had not finished goes on (PlaceCommand.replaces).
#include "zrun/service.h"

namespace zrun {

v1::CommandReply Service::replace(Placed& placed, std::shared_ptr<const model::Topology> text,
                                  const v1::PlaceCommand& command) {
  v1::CommandReply reply;
  const auto of = [](const v1::PlaceCommand& c) { return std::pair(c.header().epoch(), c.run()); };
  const bool again = placed.next && of(*placed.next) == of(command);
  reply.set_outcome(again ? "already" : "accepted");
  if (again) return reply;
  const bool closing = placed.next != nullptr;
  placed.next = std::make_unique<v1::PlaceCommand>(command);
  placed.next->clear_topology();  // it is read
  placed.next_text = std::move(text);
  if (!closing) placed.space->stop("a newer version of it takes its place");
  return reply;
}

// What its senders keep goes to the next instance anyway; what only this zrun has is handed on: the
// messages it had sent and that are not finished (with their numbers), those it sent to itself, and
// those that nobody keeps and it had not begun.
void Service::hand_over(const Key& key, LocalTopology& topology, Placed& placed) {
  auto& former = *placed.space;
  const auto& command = *placed.next;
  // The topology here may be of a version after the one that this command is of.
  const auto has = [&paths = placed.next_text->paths](const PathState& path) {
    return path.index < paths.size() && !paths[path.index].removed;
  };
  for (auto* path : topology.paths_of[former.index()]) {
    if (path->from != former.index()) continue;
    path->opened_to.clear();
    if (path->out.stream() != 0)
      path->out.drain([](MessagePtr) {});  // the next instance reads it from the store
    else if (!has(*path))
      bury_path(topology, *path, "an update removed its path before it was received");
    else
      path->out.take_over(command.header().epoch(), command.run());
  }
  std::vector<MessagePtr> carried;
  bury_taken(former, &carried);
  const int index = topology.index_in(*placed.next_text, key.second);
  std::erase_if(carried, [&](const MessagePtr& message) {
    if (!message->is_from_outside() ||
        takes_from_outside(placed.next_text->spaces[static_cast<std::size_t>(index)],
                           message->http))
      return false;
    bury_left(former, *message, "an update closed the space to messages from outside");
    return true;
  });
  dead_letters_.forget_stored(key.first, key.second);
  place_here(topology, placed.next_text, command, std::move(carried));
}

}  // namespace zrun
