// SPDX-License-Identifier: Apache-2.0
#include "zrun/letter_writer.h"

#include <utility>

#include "stdx/text.h"

namespace zrun {

using stdx::Code;

namespace {

DeadLetter letter_on(const LocalTopology& topology, std::uint16_t path, const Message& message,
                     std::string reason) {
  DeadLetter letter;
  letter.topology = topology.id.value;
  if (message.is_from_outside())
    letter.path = message.http ? DeadLetter::http : DeadLetter::outside;
  if (message.is_declared()) {
    const auto& spec = topology.spec().paths[path];
    letter.path = spec.name;
    letter.from = spec.from;
    letter.to = spec.to;
  }
  letter.reason = std::move(reason);
  letter.seq = message.seq;
  letter.sender_epoch = message.sender_epoch;
  letter.deliveries = message.deliveries;
  letter.payload = message.payload;
  return letter;
}

// As far as is known here: not of a sender here that left, and not of a generation whose stream has
// ended.
bool sender_has(const LocalTopology& topology, const PathState& path, const Message& message) {
  const SenderGeneration generation{message.sender_epoch, message.sender_run};
  const auto& sender = topology.slots[path.from];
  const bool sender_left =
      sender.local == nullptr && sender.life == generation && generation.epoch != 0;
  return path.in.counts(generation) && (!sender_left || path.out.stream() != 0);
}

// Whether the next instance of its receiver, in this zrun, gets the message from this one. On a
// path with delivery `once` the outbox of the sender has it; at most once it may not be handled
// twice. A generation of the sender that has ended since makes no difference: the mailbox is in
// order, so nothing of the newer one was handled before what waits of the older one (S1).
bool goes_on(const Space& receiver, const Message& message, bool begun) {
  if (!message.is_declared()) return true;
  const auto& topology = receiver.topology();
  const auto& path = *topology.paths[message.path];
  if (topology.spec().paths[message.path].removed || path.out.is_once()) return false;
  if (!path.out.keeps_until_finished()) return !begun;
  // A transactional one goes on behind what it committed, and its senders send the rest again. The
  // turn with what was begun may be on its way to the store.
  return !receiver.is_transactional() || (!begun && !sender_has(topology, path, message));
}

}  // namespace

LetterWriter::LetterWriter(LocalParts parts)
    : parts_(std::move(parts)), letters_(parts_.runtime.metrics) {
  letters_.on_dropped = [this](const DeadLetter& letter) {
    if (auto* receiver = receiver_of(letter); letter.stored && receiver != nullptr)
      receiver->forget_letter(letter.id);
  };
}

void LetterWriter::add(DeadLetter letter) {
  while (letter.id == 0 || (!letter.stored && letters_.find(letter.id) != nullptr))
    letter.id = parts_.runtime.random.next();
  if (letter.at == stdx::WallTime{}) letter.at = parts_.runtime.clock.wall();
  // A receiver that fails at each message makes many.
  if (const auto held_back = log_rate_limiter_.pass(parts_.runtime.clock.now()))
    parts_.runtime.log.warn("dead_letter", {{"topology", letter.topology},
                                            {"path", letter.path},
                                            {"from", letter.from},
                                            {"to", letter.to},
                                            {"seq", letter.seq},
                                            {"reason", letter.reason},
                                            {"not_logged", *held_back}});
  letters_.add(std::move(letter));
}

void LetterWriter::could_not_handle(Space& receiver, DeadLetter letter) {
  letter.topology = receiver.id().key.topology.value;
  add(std::move(letter));
}

void LetterWriter::retried(std::uint64_t letter, const std::string& why) {
  if (why.empty())
    letters_.remove(letter);
  else
    letters_.failed_again(letter, why);
}

void LetterWriter::loaded(Space& receiver, std::vector<DeadLetter> letters) {
  for (auto& letter : letters) {
    letter.topology = receiver.id().key.topology.value;
    letter.to = receiver.spec().name;
    letter.from = letter.is_from_outside() ? "" : letter.to;
    for (const auto& path : receiver.topology().spec().paths)
      if (path.name == letter.path) letter.from = path.from;
    letters_.loaded(std::move(letter));
  }
}

// The sender leaves this zhost: what its receivers do not have has nobody left that could send it,
// except where the outbox is stored for its next instance. A receiver that is the sender itself
// leaves too, with what it has. Where the whole topology ends its receivers on other zhosts leave,
// and keep nothing of a sender that is there: so this one keeps all that it has not heard to be
// finished, though some of it may be.
void LetterWriter::sender_leaves(Space& sender, bool keeps_outbox, bool topology_ends) {
  auto& topology = sender.topology();
  for (auto* path : topology.paths_of[sender.index()]) {
    if (path->from != sender.index()) continue;
    if (path->out.stream() != 0 && keeps_outbox)
      path->out.drain([](MessagePtr) {});
    else
      not_received(topology, *path,
                   topology_ends
                       ? "its topology was stopped or deleted before it was known to be handled"
                       : "its sender was stopped or moved before it was received",
                   topology_ends && topology.slots[path->to].local == nullptr);
    path->opened_to.clear();
  }
}

void LetterWriter::not_received(LocalTopology& topology, PathState& path, const char* why,
                                bool received) {
  const auto taken = path.out.received();
  path.out.drain([&](MessagePtr message) {
    if (message->seq <= taken && path.to != path.from && !received) return;
    add(letter_on(topology, path.index, *message, why));
  });
}

void LetterWriter::given_up(const LocalTopology& topology, std::uint16_t path,
                            const Message& message, const char* why) {
  add(letter_on(topology, path, message, why));
}

// The receiver leaves this zhost. What its senders keep goes to its next instance.
void LetterWriter::receiver_leaves(Space& receiver, std::vector<MessagePtr>* carry) {
  auto& topology = receiver.topology();
  const auto take = [&](MessagePtr message, bool begun) {
    if (message->dead_letter != 0) return letters_.set_retrying(message->dead_letter, false);
    const auto* path = message->is_declared() ? topology.paths[message->path].get() : nullptr;
    const bool kept = path != nullptr && path->out.keeps_until_finished();
    if (kept && path->to == path->from) return;  // sender_leaves
    if (carry != nullptr && goes_on(receiver, *message, begun)) {
      // What was begun may have had effects. Whether its sender still has a message cannot be known
      // here (its zrun may have died a moment ago), so each is handed on; what the sender sends
      // again is dropped by its number (Courier::space_arrived).
      message->redelivered |= begun && path != nullptr;
      return carry->push_back(std::move(message));
    }
    if (kept && sender_has(topology, *path, *message)) {
      if (!memory_of_sender_may_be_lost(topology, *path)) return;
      return not_handled(receiver, *message,
                         "its receiver was stopped, moved or replaced before it was handled, while "
                         "the zhost of its sender could not be reached; if that still runs, the "
                         "next instance of the receiver gets the message as well");
    }
    not_handled(receiver, *message,
                "its receiver was stopped or moved before it was handled, and its sender does not "
                "keep it");
  };
  receiver.drain_mailbox(take, /*handled=*/carry != nullptr);
}

// The sender's zrun keeps what it sent at least once in memory, and may have ended; an outbox is on
// its disk.
bool LetterWriter::memory_of_sender_may_be_lost(const LocalTopology& topology,
                                                const PathState& path) const {
  const auto& sender = topology.slots[path.from];
  return sender.local == nullptr && !model::is_transactional(topology.spec(), path.from) &&
         parts_.link_lost(sender.zhost);
}

// A message of a receiver that leaves, which nobody else has.
void LetterWriter::not_handled(Space& receiver, const Message& message, const char* why) {
  auto letter = letter_on(receiver.topology(), message.path, message, why);
  if (!message.is_declared()) letter.to = receiver.spec().name;
  if (!message.is_declared() && !message.is_from_outside()) letter.from = letter.to;
  add(std::move(letter));
  parts_.calls.failed(
      message.call,
      {Code::unknown,
       stdx::format("space '{}' has not handled the message to its end: {}; it is kept as a dead "
                    "letter on zhost '{}'",
                    receiver.spec().name, why, parts_.zhost)},
      parts_.runtime.clock.now());
}

Space* LetterWriter::receiver_of(const DeadLetter& letter) {
  const auto* placed = parts_.spaces.find({letter.topology, letter.to});
  return placed == nullptr ? nullptr : placed->space.get();
}

namespace {

std::unexpected<stdx::Error> no_letter(std::uint64_t id) {
  return stdx::fail(Code::not_found,
                    stdx::format("no dead letter {:016x} is kept on this zhost; `dead-letters` "
                                 "lists those that are",
                                 id));
}

}  // namespace

stdx::Status LetterWriter::retry(std::uint64_t id) {
  const auto* letter = letters_.find(id);
  if (letter == nullptr) return no_letter(id);
  if (letter->retrying)
    return stdx::fail(Code::already_exists,
                      stdx::format("dead letter {:016x} is being delivered again already", id));
  auto* receiver = receiver_of(*letter);
  if (receiver == nullptr || !receiver->takes_messages())
    return stdx::fail(Code::unavailable,
                      stdx::format("space '{}' does not run on zhost {}, where dead letter {:016x} "
                                   "is kept; it can be retried when the space runs here",
                                   letter->to, parts_.zhost, id));
  auto message = parts_.pool.make(letter->payload);
  message->dead_letter = id;
  message->seq = letter->seq;
  message->sender_epoch = letter->sender_epoch;
  message->redelivered = true;
  if (letter->is_from_outside()) {
    message->path = outside_path;
    message->http = letter->path == DeadLetter::http;
  }
  const auto& paths = receiver->topology().spec().paths;
  for (std::uint16_t i = 0; i < paths.size(); ++i)
    if (paths[i].name == letter->path && paths[i].to == letter->to) message->path = i;
  if (!letter->path.empty() && message->path == self_path)
    return stdx::fail(Code::not_found,
                      stdx::format("the topology has no path '{}' to space '{}' any more",
                                   stdx::printable(letter->path, 80), letter->to));
  if (!receiver->has_room(message->payload.size()))
    return stdx::fail(Code::full,
                      stdx::format("the mailbox of space '{}' is full; try again", letter->to));
  // The letter has no trace any more: its retry may begin one.
  if (const auto trace = parts_.tracer ? parts_.tracer->begin_trace() : std::nullopt)
    message->set_trace(*trace);
  letters_.set_retrying(id, true);
  receiver->deliver(std::move(message));
  return {};
}

stdx::Status LetterWriter::drop(std::uint64_t id) {
  const auto* letter = letters_.find(id);
  if (letter == nullptr) return no_letter(id);
  if (letter->retrying)
    return stdx::fail(
        Code::conflict,
        stdx::format("dead letter {:016x} is being delivered again; drop it when that "
                     "failed",
                     id));
  if (letter->stored) {
    auto* receiver = receiver_of(*letter);
    if (receiver == nullptr || !receiver->takes_messages())
      return stdx::fail(
          Code::unavailable,
          stdx::format("dead letter {:016x} is in the store of space '{}', which does "
                       "not run now",
                       id, letter->to));
    receiver->forget_letter(id);
  }
  letters_.remove(id);
  return {};
}

}  // namespace zrun
