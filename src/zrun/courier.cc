// SPDX-License-Identifier: Apache-2.0
#include "zrun/courier.h"

#include <utility>

#include "stdx/plant.h"

namespace zrun {

using wire::DataType;

Courier::Courier(ports::Runtime& runtime, Scheduler& scheduler, MessagePool& pool, std::string self,
                 SendFrame send_frame)
    : runtime_(runtime),
      scheduler_(scheduler),
      pool_(pool),
      self_(std::move(self)),
      send_frame_(std::move(send_frame)),
      sent_(runtime.metrics.counter("samoza_zrun_messages_sent_total",
                                    "Messages sent to other zhosts")),
      received_(runtime.metrics.counter("samoza_zrun_messages_received_total",
                                        "Messages taken in from other zhosts")),
      resent_(runtime.metrics.counter("samoza_zrun_streams_rewound_total",
                                      "Times a stream to another zhost went back")),
      stale_(runtime.metrics.counter("samoza_zrun_stale_messages_total",
                                     "Messages refused because their sender was replaced")),
      refused_(runtime.metrics.counter(
          "samoza_zrun_refused_frames_total",
          "Data frames refused: no such path or space here, or not from who they claim")),
      already_committed_(runtime.metrics.counter(
          "samoza_zrun_already_committed_total",
          "Messages dropped because a transactional space had committed them")) {}

// --- sending ---

void Courier::emit(Space& sender, PathState& path, stdx::BytesView payload) {
  auto message = pool_.make(payload);
  sender.stamp(*message);
  send(sender, path, std::move(message));
}

void Courier::send(Space& sender, PathState& path, MessagePtr message) {
  message->path = path.index;
  message->sender_epoch = sender.id().epoch.value;
  message->sender_run = sender.id().run.value;
  path.out.push(std::move(message));
  pump(sender.topology(), path);
}

void Courier::pump(LocalTopology& topology, PathState& path) {
  const auto& receiver = topology.slots[path.to];
  // The newest instance known receives; one here that was replaced elsewhere does not.
  if (receiver.local != nullptr && receiver.life.epoch >= receiver.epoch)
    pump_here(topology, path, *receiver.local);
  else if (!receiver.zhost.empty() && receiver.zhost != self_)
    pump_away(topology, path);
}

void Courier::pump_here(LocalTopology& topology, PathState& path, Space& receiver) {
  if (!receiver.takes_messages() || !receiver.has_path(path.index)) return;
  const auto& from = topology.slots[path.from];
  // P10: after a restart the sender here may be one that was replaced elsewhere.
  if (from.life.epoch > from.told && !PLANTED(P10_told)) return;
  const auto sender = from.life;
  const auto received_before = path.out.received();
  while (const auto message = path.out.next()) {
    // S1: nothing of a sender that was replaced.
    if (sender < path.in.newest() || sender.epoch < from.oldest_taken()) {
      stale_.add();
      break;
    }
    if (message->seq <= path.in.received()) [[unlikely]] {
      drop_repeat_here(topology, path, *message);
      continue;
    }
    if (!receiver.has_room(message->payload.size())) {
      receiver.note_starved(path);
      break;
    }
    path.out.sent();
    path.out.received(message->seq);
    path.in.took(message->seq);
    receiver.deliver(message);
  }
  // Turns that ended while their messages waited here.
  if (from.local != nullptr && path.out.received() > received_before) from.local->release_turns();
}

// An outbox that was read anew holds what its receiver has, or has committed, already.
void Courier::drop_repeat_here(LocalTopology& topology, PathState& path, const Message& message) {
  path.out.sent();
  path.out.received(message.seq);
  if (message.seq > path.in.finished()) return;
  note_repeat(topology, path, message.seq);
  path.out.finished(message.seq);
}

void Courier::note_repeat(const LocalTopology& topology, const PathState& path, std::uint64_t seq) {
  if (seq <= path.in.finished() && topology.slots[path.to].local->is_transactional())
    already_committed_.add();
}

wire::DataHeader Courier::header_out(const LocalTopology& topology, const PathState& path) const {
  wire::DataHeader header;
  header.topology = topology.id_bytes;
  header.path = path.index;
  header.from_space = path.from;
  header.to_space = path.to;
  header.from_epoch = topology.slots[path.from].life.epoch;
  header.from_run = topology.slots[path.from].life.run;
  header.to_epoch = topology.slots[path.to].epoch;
  return header;
}

void Courier::pump_away(LocalTopology& topology, PathState& path) {
  const auto& receiver = topology.slots[path.to];
  auto header = header_out(topology, path);
  if (path.opened_to != receiver.zhost || path.opened_epoch != receiver.epoch) {
    if (path.out.unfinished() == 0 && !path.announce) return;
    header.type = DataType::open;
    header.seq = path.out.first_unfinished();
    if (!send_away(topology, path, receiver.zhost, wire::encode_open(header, path.out.name())))
      return;
    path.announce = false;
    path.opened_to = receiver.zhost;
    if (path.opened_epoch != receiver.epoch) path.opened_run = 0;
    path.opened_epoch = receiver.epoch;
  }
  // What may come again goes to one life of the receiver, once its answer to the `open` told which:
  // a copy that was held back on the way is then not taken by the next life, which got it marked.
  if (path.out.marks_repeats() && path.opened_run == 0) return;
  while (const auto message = path.out.next()) {
    header.type = DataType::message;
    if (path.out.marks_repeats()) header.to_run = path.opened_run;
    header.seq = message->seq;
    header.redelivered = message->redelivered;
    header.trace.reset();
    if (const auto* trace = message->trace()) header.trace = *trace;
    if (!send_away(topology, path, receiver.zhost,
                   wire::encode_data_frame(header, message->payload)))
      return;
    path.out.sent();
    sent_.add();
    // What is not kept until it is finished made room already.
    if (!path.out.keeps_until_finished()) sender_has_room(topology, path);
  }
}

void Courier::sender_has_room(LocalTopology& topology, PathState& path) {
  if (!path.sender_waits) return;
  path.sender_waits = false;
  if (auto* sender = topology.slots[path.from].local) sender->wake(Space::Wait::room);
}

// --- receiving ---

void Courier::finished(LocalTopology& topology, PathState& path, const Message& message) {
  // A message of a stream that ended with its sender: there is nobody to tell.
  if (!path.in.counts({message.sender_epoch, message.sender_run})) return;
  path.in.finish(message.seq);
  const auto& sender = topology.slots[path.from];
  const bool sent_from_here = sender.life == path.in.sender() && sender.life.epoch != 0;
  if (sent_from_here) {
    path.out.finished(message.seq);
    sender_has_room(topology, path);
  } else {
    note_acks(topology, path);
  }
}

void Courier::feed(Space& receiver) {
  auto& topology = receiver.topology();
  for (auto* path : receiver.take_starved()) {
    path->starved = false;
    if (topology.slots[path->from].local != nullptr ||
        topology.slots[path->from].life == path->in.sender())
      pump(topology, *path);
    else
      send_back(topology, *path, DataType::received, path->in.received(), /*again=*/true);
  }
}

void Courier::note_acks(LocalTopology& topology, PathState& path) {
  if (std::exchange(path.acks_due, true)) return;
  if (topology.acks_due.empty()) acking_.push_back(&topology);
  topology.acks_due.push_back(&path);
  scheduler_.request_round();
}

void Courier::flush() {
  for (auto* topology : std::exchange(acking_, {})) {
    for (auto* path : std::exchange(topology->acks_due, {})) {
      path->acks_due = false;
      send_back(*topology, *path, DataType::received, path->in.received());
      if (path->in.finished() > 0)
        send_back(*topology, *path, DataType::finished, path->in.finished());
    }
  }
}

bool Courier::send_away(LocalTopology& topology, PathState& path, const std::string& zhost,
                        stdx::Bytes frame) {
  if (send_frame_(zhost, std::move(frame))) return true;
  if (!std::exchange(path.without_room, true)) {
    if (topology.without_room.empty()) without_room_.push_back(&topology);
    topology.without_room.push_back(&path);
  }
  return false;
}

void Courier::room_again() {
  for (auto* topology : std::exchange(without_room_, {})) {
    const auto paths = std::exchange(topology->without_room, {});
    for (auto* path : paths) path->without_room = false;
    for (auto* path : paths) pump(*topology, *path);
  }
}

void Courier::forget(LocalTopology& topology) {
  std::erase(acking_, &topology);
  std::erase(without_room_, &topology);
}

bool Courier::send_back(LocalTopology& topology, PathState& path, DataType type, std::uint64_t seq,
                        bool again) {
  const auto& sender = topology.slots[path.from];
  if (sender.zhost.empty() || sender.zhost == self_) return false;
  wire::DataHeader header;
  header.type = type;
  header.redelivered = again;
  header.topology = topology.id_bytes;
  header.path = path.index;
  header.from_space = path.to;
  header.to_space = path.from;
  header.from_epoch = topology.slots[path.to].life.epoch;
  header.from_run = topology.slots[path.to].life.run;
  header.to_epoch = path.in.sender().epoch;
  header.to_run = path.in.sender().run;
  header.seq = seq;
  return send_frame_(sender.zhost, wire::encode_data_frame(header, ""));
}

void Courier::ask_again(LocalTopology& topology, PathState& path) {
  if (path.asked_again_behind == path.in.received()) return;
  path.asked_again_behind = path.in.received();
  send_back(topology, path, DataType::received, path.in.received(), /*again=*/true);
}

bool Courier::may_receive(const LocalTopology& topology, const PathState& path) const {
  const auto& receiver = topology.slots[path.to];
  return receiver.local != nullptr && receiver.local->takes_messages();
}

void Courier::take_frame(LocalTopology& topology, const wire::DataFrame& frame) {
  const auto& header = frame.header;
  if (header.path >= topology.paths.size()) return refuse();
  auto& path = *topology.paths[header.path];
  const bool forward = header.type == DataType::open || header.type == DataType::message;
  // R-SEND-8: the frame must go along the declared path, in its direction.
  const auto from = forward ? path.from : path.to, to = forward ? path.to : path.from;
  if (header.from_space != from || header.to_space != to) return refuse();
  if (forward && topology.slots[to].local == nullptr) return refuse();
  // Of another version than its receiver here, which no more has it.
  if (forward && !topology.slots[to].local->has_path(header.path)) return refuse();
  switch (header.type) {
    case DataType::open:
      return take_open(topology, path, header, wire::stream_of(frame));
    case DataType::message:
      return take_message(topology, path, frame);
    case DataType::received:
    case DataType::finished:
      return take_acknowledgement(topology, path, header);
    case DataType::refused:
      return refuse();  // nobody of this version sends it, and it acknowledges nothing
  }
}

void Courier::take_open(LocalTopology& topology, PathState& path, const wire::DataHeader& header,
                        std::uint64_t stream) {
  if (!may_receive(topology, path)) return;
  const auto& sender = topology.slots[path.from];
  // P10: of a sender whose epoch the directory never told, nothing is taken in.
  if ((header.from_epoch > sender.told && !PLANTED(P10_told)) ||
      header.from_epoch < sender.oldest_taken()) {
    stale_.add();
    return;
  }
  if (!path.in.open({header.from_epoch, header.from_run}, header.seq, stream)) {
    stale_.add();
    return;
  }
  path.asked_again_behind = ~0ull;
  note_acks(topology, path);
}

void Courier::take_message(LocalTopology& topology, PathState& path, const wire::DataFrame& frame) {
  if (!may_receive(topology, path)) return;
  auto& receiver = *topology.slots[path.to].local;
  const auto& header = frame.header;
  const SenderGeneration life{header.from_epoch, header.from_run};
  // S1: the window of this path may know only the older instance of its sender, while the newer one
  // came along another path.
  if (header.from_epoch < topology.slots[path.from].oldest_taken()) {
    stale_.add();
    return;
  }
  const auto& self = topology.slots[path.to].life;
  if (header.to_run != 0 && SenderGeneration{header.to_epoch, header.to_run} != self) {
    stale_.add();
    return;
  }
  // Nothing is sent again at most once, an `open` neither: every message of a newer life stands for
  // it, else a lost one would be the end of the stream.
  if (!path.out.keeps_until_finished() && life > path.in.sender())
    take_open(topology, path, header, 0);
  switch (path.in.judge(life, header.seq, !path.out.keeps_until_finished())) {
    case InWindow::Verdict::stale:
      stale_.add();
      return;
    case InWindow::Verdict::repeat:
      note_repeat(topology, path, header.seq);
      note_acks(topology, path);
      return;
    case InWindow::Verdict::gap:
      if (life == path.in.sender()) ask_again(topology, path);
      return;
    case InWindow::Verdict::take:
      break;
  }
  if (!receiver.has_room(frame.payload.size())) {
    receiver.note_starved(path);
    return;
  }
  auto message = pool_.make(frame.payload);
  message->path = path.index;
  message->seq = header.seq;
  message->sender_epoch = header.from_epoch;
  message->sender_run = header.from_run;
  message->redelivered = header.redelivered;
  if (header.trace) message->set_trace(*header.trace);
  path.in.took(header.seq);
  received_.add();
  note_acks(topology, path);
  receiver.deliver(std::move(message));
}

void Courier::take_acknowledgement(LocalTopology& topology, PathState& path,
                                   const wire::DataHeader& header) {
  const auto& sender = topology.slots[path.from];
  // For this life of our sender, from the instance the stream was opened to.
  if (SenderGeneration{header.to_epoch, header.to_run} != sender.life || path.opened_epoch == 0 ||
      header.from_epoch != path.opened_epoch || header.from_run < path.opened_run)
    return;
  const auto former = std::exchange(path.opened_run, header.from_run);
  if (header.from_run > former && ((former != 0 && path.out.marks_repeats()) ||
                                   path.out.received() >= path.out.first_unfinished())) {
    // Its zrun started it again in place: what the former run received and did not finish died
    // with it, and goes out again, marked.
    path.opened_to.clear();
    path.out.restart();
    pump(topology, path);
    return;
  }
  if (header.type == DataType::finished)
    path.out.finished(header.seq);
  else if (header.redelivered)
    path.out.resend_after(header.seq);
  else
    path.out.received(header.seq);
  sender_has_room(topology, path);
  if (sender.local != nullptr) sender.local->release_turns();
  pump(topology, path);
}

// --- changes ---

// The instance that the stream was opened to is replaced: what it says from now on acknowledges
// nothing, also while no other one is open.
void Courier::close(PathState& path) {
  path.opened_to.clear();
  path.opened_epoch = 0;
  path.opened_run = 0;
}

void Courier::open_here(LocalTopology& topology, PathState& path) {
  const auto& sender = topology.slots[path.from];
  if (sender.local != nullptr && sender.local->has_streams())
    path.in.open(sender.life, path.out.first_unfinished(), path.out.name());
}

void Courier::space_arrived(LocalTopology& topology, std::uint16_t index, bool with_mailbox) {
  for (auto* path : topology.paths_of[index]) {
    if (path->to == index) {
      // A new instance: what the former one did not finish goes to it, from the sender where it
      // does not have it already.
      if (!with_mailbox || path->from == path->to || !path->out.keeps_until_finished() ||
          path->out.is_once())
        path->in.restart();
      path->starved = false;
      path->asked_again_behind = ~0ull;
      close(*path);
      path->out.restart();
      open_here(topology, *path);
    } else if (path->from == index && topology.slots[path->to].local != nullptr) {
      open_here(topology, *path);
    }
    // Receivers elsewhere learn that what they have of a former generation has no sender any more.
    const auto& generation = topology.slots[index].life;
    path->announce |= path->from == index && !topology.transactional[index] &&
                      path->out.keeps_until_finished() &&
                      (generation.epoch > 1 || generation.run > 1);
    if (path->to == index || path->from == index) pump(topology, *path);
  }
}

void Courier::ledger_loaded(LocalTopology& topology, std::uint16_t index) {
  for (auto* path : topology.paths_of[index]) {
    if (path->from != index && path->to != index) continue;
    if (path->from == index) path->opened_to.clear();
    if (topology.slots[path->to].local != nullptr) open_here(topology, *path);
    pump(topology, *path);
    // A sender elsewhere hears from where to go on, instead of finding out.
    if (path->to == index && path->in.sender().epoch != 0) note_acks(topology, *path);
  }
}

void Courier::slot_changed(LocalTopology& topology, std::uint16_t index) {
  for (auto* path : topology.paths_of[index]) {
    if (path->to != index) continue;
    const auto& receiver = topology.slots[index];
    const bool here = receiver.local != nullptr && receiver.life.epoch >= receiver.epoch;
    if (!here && (path->opened_to != receiver.zhost || path->opened_epoch != receiver.epoch)) {
      close(*path);
      path->out.restart();
    }
    pump(topology, *path);
  }
}

void Courier::sender_told(LocalTopology& topology, std::uint16_t index) {
  for (auto* path : topology.paths_of[index])
    if (path->from == index) pump(topology, *path);
}

void Courier::link_changed(LocalTopology& topology, const std::string& zhost) {
  for (auto& path : topology.paths) {
    if (path->opened_to != zhost) continue;
    path->opened_to.clear();
    path->out.rewind();
    pump(topology, *path);
  }
}

void Courier::tick(LocalTopology& topology) {
  for (auto& path : topology.paths) {
    if (path->out.unfinished() == 0) continue;
    const bool stalled = path->progress_mark == path->out.received() &&
                         path->finish_mark == path->out.first_unfinished();
    if (stalled && !path->opened_to.empty() && !PLANTED(S7_ask)) {
      // Half a second without news: frames or acknowledgements were lost. To an `open` the receiver
      // says what it received and finished; a full stream would have nothing else to send.
      if (path->out.waits_for_receipt()) {
        resent_.add();
        path->out.rewind();
      }
      path->opened_to.clear();
    }
    path->progress_mark = path->out.received();
    path->finish_mark = path->out.first_unfinished();
    pump(topology, *path);
  }
}

}  // namespace zrun
