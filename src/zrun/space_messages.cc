// SPDX-License-Identifier: Apache-2.0
// Messages of a space: its mailbox, its emits, and the end of a turn (docs/delivery.md).
#include <algorithm>

#include "guest_abi/table.h"
#include "model/path_names.h"
#include "stdx/plant.h"
#include "stdx/text.h"
#include "zrun/space.h"

namespace zrun {

bool Space::has_room(std::size_t bytes) const {
  if (is_ui()) return true;
  return mailbox_.empty() || (mailbox_.size() < spec().limits.mailbox_messages &&
                              mailbox_bytes_ + bytes <= spec().limits.mailbox_bytes);
}

void Space::count(const Message& message, std::uint64_t MessageCounts::* what) {
  ++(counts_.*what);
  if (message.is_declared()) ++(topology_.paths[message.path]->counts.*what);
}

void Space::deliver(MessagePtr message) {
  count(*message, &MessageCounts::accepted);
  if (message->redelivered) count(*message, &MessageCounts::repeated);
  if (is_ui()) {
    if (message->traced) [[unlikely]]
      trace_.open(*message);
    if (show_) show_(*message);
    note_finished(*message);
    acknowledge(*message);
    return;
  }
  mailbox_bytes_ += message->payload.size();
  message->taken_in_ns = parts_.scheduler.now().time_since_epoch().count();
  mailbox_.push_back(std::move(message));
  if (!instance_) return;
  if (call_active_)
    wake(Wait::message);
  else if (state_ == SpaceState::running)
    parts_.scheduler.make_runnable(*this);
}

void Space::note_starved(PathState& path) {
  if (!path.starved) starved_.push_back(&path);
  path.starved = true;
}

MessagePtr Space::take_front() {
  ASSERT(!current_, "the former message is finished first");
  too_small_ = {};
  current_ = mailbox_.pop_front();
  mailbox_bytes_ -= current_->payload.size();
  wait_times_.add(parts_.scheduler.now() - stdx::Instant(stdx::Duration(current_->taken_in_ns)));
  took_message_ = true;
  replied_ = false;
  if (current_->traced) [[unlikely]]
    trace_.open(*current_);
  if (!starved_.empty() && mailbox_.size() * 2 <= spec().limits.mailbox_messages)
    parts_.owner.feed(*this);
  return current_;
}

void Space::acknowledge(const Message& message) {
  if (message.dead_letter != 0) return parts_.owner.retried(*this, message.dead_letter, "");
  if (message.is_from_outside())
    return parts_.outside.handled(message.call, parts_.runtime.clock.now());
  if (message.is_declared()) parts_.owner.finished(*this, message);
}

bool Space::is_kept(const Message& message) const {
  return message.is_declared() && message.dead_letter == 0 &&
         topology_.paths[message.path]->out.keeps_until_finished();
}

bool Space::received_all(const OpenTurn& turn) const {
  return std::all_of(turn.emits.begin(), turn.emits.end(),
                     [](const auto& emit) { return emit.first->out.received() >= emit.second; });
}

void Space::note_finished(const Message& message) {
  count(message, &MessageCounts::finished);
  trace_.close(SpanEnd::finished);
  if (counts_.finished > 1) return;
  // The end of a recovery, as its user sees it.
  parts_.runtime.log.info("first_message_finished", {{"topology", id_.key.topology.value},
                                                     {"space", id_.key.space},
                                                     {"epoch", id_.epoch.value},
                                                     {"run", id_.run.value}});
}

void Space::give_back_current(bool in_doubt) {
  if (!current_) return;
  trace_.close(SpanEnd::interrupted);
  auto message = std::exchange(current_, {});
  // Its turn may be in the store, and nothing there tells: a second time it must not be handled.
  if (in_doubt && message->is_from_outside())
    return parts_.outside.failed(
        message->call,
        {stdx::Code::unknown,
         "its turn was on the way to the disk when the space ended: it may "
         "have been handled"},
        parts_.runtime.clock.now());
  // A transaction that was dropped has left no trace.
  if (message->is_from_outside() && !transaction_) message->redelivered = true;
  if (message->is_declared()) {
    const auto& stream = topology_.paths[message->path]->out;
    // S8: it is lost with the life that took it.
    if (message->dead_letter == 0 && !stream.keeps_until_finished() && !PLANTED(S8_trap)) return;
    // Of a turn that was dropped nothing remains, and on a `once` path so it is as if it were new.
    if (!stream.is_once()) message->redelivered = true;
  }
  mailbox_bytes_ += message->payload.size();
  mailbox_.push_front(std::move(message));
}

// --- deliveries that fail ---

bool Space::is_last_delivery(Message& message) const {
  constexpr std::uint32_t undeclared_deliveries_max = 5;
  if (message.deliveries < 0xffff) ++message.deliveries;
  if (!message.is_declared()) return message.deliveries >= undeclared_deliveries_max;
  // At most once: the one delivery that there may be was this.
  if (!topology_.paths[message.path]->out.keeps_until_finished()) return !PLANTED(S8_trap);
  return message.deliveries >= topology_.spec().paths[message.path].max_deliveries;
}

DeadLetter Space::letter_of(const Message& message, const std::string& why) const {
  DeadLetter letter;
  letter.id = message.dead_letter;
  if (message.is_declared()) {
    letter.path = topology_.spec().paths[message.path].name;
    letter.from = topology_.spec().paths[message.path].from;
  } else if (message.is_from_outside()) {
    letter.path = message.http ? DeadLetter::http : DeadLetter::outside;
  } else {
    letter.from = spec().name;
  }
  letter.to = spec().name;
  letter.reason = why;
  letter.seq = message.seq;
  letter.sender_epoch = message.sender_epoch;
  letter.deliveries = message.deliveries;
  letter.at = parts_.runtime.clock.wall();
  letter.payload = message.payload;
  return letter;
}

void Space::record_dead_letter(MessagePtr message, const std::string& why) {
  const auto reason =
      stdx::format("{} deliveries failed, the last one: {}", message->deliveries, why);
  // The letter is where it was, and stays there.
  if (message->dead_letter != 0) return parts_.owner.retried(*this, message->dead_letter, reason);
  count(*message, &MessageCounts::dead);
  auto letter = letter_of(*message, reason);
  if (transaction_) return record_in_store(std::move(message), std::move(letter));
  fail_caller(*message, reason);
  parts_.owner.record_dead_letter(*this, std::move(letter));
  // In its turn behind those that wait for their receipts: acknowledgements go in order.
  if (open_turns_.empty() || !is_kept(*message)) return acknowledge(*message);
  open_turns_.push_back({std::move(message), {}});
}

void Space::fail_caller(const Message& message, const std::string& why) {
  if (message.is_from_outside())
    parts_.outside.failed(
        message.call,
        {stdx::Code::failed, stdx::format("space '{}' could not handle the message: {}; it is kept "
                                          "as a dead letter on the zhost of the space "
                                          "(`zshell dead-letters` there)",
                                          spec().name, why)},
        parts_.runtime.clock.now());
}

// With the cursor in one transaction: it is off its path exactly when the letter is there.
void Space::record_in_store(MessagePtr message, DeadLetter letter) {
  while (letter.id == 0) letter.id = parts_.runtime.random.next();
  letter.stored = true;
  being_recorded_.push_back(message);
  Turn turn;
  turn.record_dead_letter(std::move(letter));
  transaction_->ledger.commit(
      std::move(turn), message, [this, message](const stdx::Status& status, const Turn& committed) {
        std::erase_if(being_recorded_,
                      [&](const MessagePtr& other) { return &*other == &*message; });
        if (!status) return fail_for_good(status.error().message);
        fail_caller(*message, committed.dead_letters().front().reason);
        parts_.owner.record_dead_letter(*this, committed.dead_letters().front());
        acknowledge(*message);
      });
}

void Space::note_too_small(std::size_t capacity) {
  const auto message = mailbox_.front();
  const bool asked_before = too_small_ && &*too_small_ == &*message;
  if (!asked_before || capacity > too_small_capacity_) {
    too_small_ = message;
    too_small_capacity_ = capacity;
    return;
  }
  const auto why = stdx::format("the message has {} bytes, the guest's buffer {}",
                                message->payload.size(), capacity);
  const bool is_last = is_last_delivery(*message);
  if (message->deliveries == 1) log_.write(2, why + "; it is not taken with that buffer");
  if (!is_last) return;
  too_small_ = {};
  mailbox_bytes_ -= message->payload.size();
  record_dead_letter(mailbox_.pop_front(), why);
  if (!starved_.empty()) parts_.owner.feed(*this);
}

void Space::forget_letter(std::uint64_t id) {
  if (transaction_ && transaction_->loaded && !is_over())
    transaction_->ledger.remove_dead_letter(id);
}

// --- the end of a turn ---

bool Space::end_turn() {
  // Asking for a message is a voluntary return of control, also where one is there at once.
  busy_for_ = {};
  if (!transaction_) {
    finish_current();
    return true;
  }
  using Commit = Transaction::Commit;
  if (transaction_->commit == Commit::none && !commit_turn()) return true;
  if (transaction_->commit == Commit::done) {
    transaction_->commit = Commit::none;
    return true;
  }
  park(Wait::commit, -1);
  return false;
}

// False: there is nothing to commit.
bool Space::commit_turn() {
  auto& transaction = *transaction_;
  if (transaction.turn.empty() && !current_) return false;
  transaction.commit = Transaction::Commit::under_way;
  transaction.ledger.commit(
      std::exchange(transaction.turn, {}), current_,
      [this](stdx::Status status, const Turn& turn) { turn_committed(status, turn); });
  return true;
}

void Space::turn_committed(const stdx::Status& status, const Turn& turn) {
  auto& transaction = *transaction_;
  // Ended meanwhile: the next life finds the turn in the store.
  if (transaction.commit != Transaction::Commit::under_way) return;
  if (!status) {
    // A turn of which nobody knows whether it is on disk: only the next life reads what is there.
    if (status.error().code == stdx::Code::stale || status.error().code == stdx::Code::unknown)
      return fail_for_good(status.error().message);
    // At the bound of stored bytes a turn that writes would fail for ever, and with it all behind
    // it; unless receivers finish what the outbox holds of those bytes.
    const bool writes_too_much = status.error().code == stdx::Code::full &&
                                 !turn.writes().empty() && current_ && hook_ == Hook::on_process &&
                                 outbox_size() == 0;
    return fail("the store did not take the turn: " + status.error().message,
                writes_too_much ? Cause::guest : Cause::store);
  }
  transaction.commit = Transaction::Commit::none;
  if (const auto message = std::exchange(current_, {})) {
    if (turn.answer())
      parts_.outside.answered(message->call, *turn.answer(), parts_.runtime.clock.now(),
                              trace_.answer_trace(*message));
    note_finished(*message);
    acknowledge(*message);
  }
  for (const auto& emit : turn.self_emits()) put_into_mailbox(emit.message, emit.delay_ms);
  if (std::exchange(transaction.hook_ended, false)) {
    if (closing_asked_ && state_ != SpaceState::closing) return close_or_leave();
    return hook_over(0);
  }
  transaction.commit = Transaction::Commit::done;
  wake(Wait::commit);
}

void Space::drop_turn() {
  if (!transaction_) return;
  transaction_->turn = {};
  transaction_->commit = Transaction::Commit::none;
  transaction_->hook_ended = false;
}

void Space::tidy_outbox() {
  if (transaction_ && transaction_->loaded && !is_over()) transaction_->ledger.tidy();
}

void Space::finish_current() {
  if (!current_) return;
  note_finished(*current_);
  // What nobody keeps has no acknowledgement to hold back. It must not wait behind those that have
  // one either: no sender's bound limits how many of it come while a receiver is away.
  if (turn_emits_.empty() && (open_turns_.empty() || !is_kept(*current_))) {
    const auto message = std::exchange(current_, {});
    acknowledge(*message);
    return;
  }
  open_turns_.push_back({std::exchange(current_, {}), std::exchange(turn_emits_, {})});
  release_turns();
}

void Space::release_turns() {
  while (!open_turns_.empty() && (received_all(open_turns_.front()) || PLANTED(S7_early))) {
    const auto turn = std::move(open_turns_.front());
    open_turns_.pop_front();
    acknowledge(*turn.message);
  }
}

// The guest was done with it, and what it sent meanwhile is handed over too.
void Space::hand_over_handled(MessagePtr message, const Take& take) {
  auto& in = topology_.paths[message->path]->in;
  const SenderGeneration generation{message->sender_epoch, message->sender_run};
  if (generation == in.sender()) return take(std::move(message), true);
  // S1: nothing of an older generation a second time. A sender that goes on with its numbers hears
  // that it is finished.
  if (in.counts(generation)) in.finish(message->seq);
}

void Space::drain_mailbox(const Take& take, bool handled) {
  too_small_ = {};
  for (auto& message : std::exchange(being_recorded_, {}))
    if (!message->is_from_outside()) take(message, true);  // its letter is on the way to the store
  for (auto& turn : std::exchange(open_turns_, {})) {
    // The guest was done with those; nobody sends them again.
    if (turn.message->is_from_outside())
      acknowledge(*turn.message);
    else if (handled && turn.message->is_declared())
      hand_over_handled(std::move(turn.message), take);
  }
  trace_.close(SpanEnd::interrupted);
  if (current_) take(std::exchange(current_, {}), true);
  while (!mailbox_.empty()) take(mailbox_.pop_front(), false);
  mailbox_bytes_ = 0;
}

PathState* Space::out_path(std::string_view name) {
  for (auto* path : out_paths_)
    if (model::out_name(text_->paths[path->index]) == name) return path;
  return nullptr;
}

PathState* Space::path_named(std::string_view name) {
  for (auto* path : out_paths_)
    if (text_->paths[path->index].name == name) return path;
  return nullptr;
}

const std::string& Space::in_name(std::uint16_t path) const {
  return model::in_name(has_path(path) ? text_->paths[path] : topology_.spec().paths[path]);
}

Space::Room Space::room_on(const PathState& path, std::size_t bytes) const {
  if (!transaction_)
    return path.out.full(bytes) && path.out.unfinished() > 0 ? Room::later : Room::there;
  const auto own = transaction_->turn.emitted(path.index);
  const auto others = transaction_->ledger.waiting(path.index);
  const OutStream::Load all{own.messages + others.messages, own.bytes + others.bytes};
  if (!path.out.full(bytes, all) || path.out.unfinished() + all.messages == 0) return Room::there;
  // What the turn itself holds is not finished before the turn is over.
  return own.messages > 0 && path.out.past_bound(own, bytes) ? Room::never : Room::later;
}

void Space::emit(PathState& path, stdx::BytesView payload) {
  if (transaction_) {
    auto message = parts_.pool.make(payload);
    stamp(*message);
    return transaction_->turn.emit(path.index, std::move(message));
  }
  parts_.owner.emit(*this, path, payload);
  // Only what is not in its receiver's mailbox yet holds the turn's acknowledgement back.
  const auto seq = path.out.last();
  // Without a message in hand there is none to hold back, and a guest that never asks for one, or a
  // UI space, would gather them for ever.
  if (!current_ || !path.out.keeps_until_finished() || path.out.received() >= seq ||
      !is_kept(*current_))
    return;
  // The last one of a path stands for those before it.
  const auto at = std::find_if(turn_emits_.begin(), turn_emits_.end(),
                               [&](const auto& emit) { return emit.first == &path; });
  if (at == turn_emits_.end())
    turn_emits_.emplace_back(&path, seq);
  else
    at->second = seq;
}

void Space::emit_from_outside(PathState& path, stdx::BytesView payload,
                              std::optional<model::TraceContext> trace,
                              std::function<void(stdx::Status)> done) {
  auto message = parts_.pool.make(payload);
  if (!trace && parts_.tracer != nullptr) trace = parts_.tracer->begin_trace();
  if (trace && parts_.tracer != nullptr) message->set_trace(*trace);
  if (!transaction_) {
    parts_.owner.send(*this, path, std::move(message));
    return done({});
  }
  Turn turn;
  turn.emit(path.index, std::move(message));
  transaction_->ledger.commit(
      std::move(turn), {}, [this, done = std::move(done)](stdx::Status status, const Turn&) {
        done(std::move(status));
        wake(Wait::room);  // where it was not committed, it holds no room any more
      });
}

bool Space::self_emit(stdx::BytesView payload, std::int32_t delay_ms) {
  auto* turn = this->turn();
  const std::size_t before = turn == nullptr ? 0 : turn->self_emit_bytes();
  if (!has_room(before + payload.size())) return false;
  if (turn != nullptr && turn->self_emits().size() >= self_timers_max) return false;
  if (delay_ms > 0 && self_timers_.size() >= self_timers_max) return false;
  auto message = parts_.pool.make(payload);
  stamp(*message);
  if (turn != nullptr)
    turn->self_emit(std::move(message), delay_ms);
  else
    put_into_mailbox(std::move(message), delay_ms);
  return true;
}

Space::Replied Space::reply(stdx::BytesView answer) {
  if (!current_ || !current_->is_from_outside()) return Replied::nobody_waits;
  if (replied_) return Replied::again;
  if (!parts_.outside.wants_answer(current_->call)) return Replied::nobody_waits;
  replied_ = true;
  if (auto* turn = this->turn())
    turn->answer(stdx::Bytes(answer));
  else
    parts_.outside.answered(current_->call, stdx::Bytes(answer), parts_.runtime.clock.now(),
                            trace_.answer_trace(*current_));
  return Replied::taken;
}

void Space::put_into_mailbox(MessagePtr message, std::int32_t delay_ms) {
  if (delay_ms <= 0) return deliver(std::move(message));
  const auto id = next_self_timer_++;
  auto& timer = self_timers_[id];
  timer = std::make_unique<ports::Timer>(parts_.runtime.executor);
  timer->set(std::chrono::milliseconds(delay_ms), [this, id, message = std::move(message)] {
    // Kept alive past its own erase.
    const auto keep = self_timers_.extract(id);
    if (has_room(message->payload.size()))
      deliver(message);
    else
      log_.write(2, "a message of sys.self_emit was dropped: the mailbox is full");
  });
}

}  // namespace zrun
