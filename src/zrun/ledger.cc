// SPDX-License-Identifier: Apache-2.0
#include "zrun/ledger.h"

#include <algorithm>
#include <utility>

#include "stdx/assert.h"
#include "stdx/text.h"
#include "zrun/ledger_records.h"

namespace zrun {

Ledger::Ledger(ports::Runtime& runtime, MessagePool& pool, LocalTopology& topology,
               const model::Topology& text, const model::InstanceId& id, std::uint16_t space,
               Send send)
    : runtime_(runtime),
      pool_(pool),
      topology_(topology),
      id_(id),
      space_(space),
      send_(std::move(send)),
      retry_(runtime.executor),
      committed_(runtime.metrics.counter("samoza_zrun_turns_committed_total",
                                         "Transactions of turns of transactional spaces")),
      resent_(runtime.metrics.counter("samoza_zrun_outbox_resent_total",
                                      "Messages found in an outbox at a start, and sent again")),
      letters_not_stored_(runtime.metrics.counter("samoza_zrun_dead_letters_not_stored_total",
                                                  "Dead letters of transactional spaces that are "
                                                  "in memory alone, as the store took none")) {
  std::set<std::string_view> names;
  for (auto* path : topology_.paths_of[space_]) {
    const auto at = path->index;
    // Of a newer version than the space is: not its path.
    if (at >= text.paths.size()) continue;
    const auto& name = text.paths[at].name;
    keys_[at] = names.insert(name).second ? name : stdx::format("{}@{}", name, at);
    if (path->from == space_ && path->out.keeps_until_finished())
      outboxes_.push_back({path, text.paths[at].removed});
  }
}

bool Ledger::may_pass(stdx::Code code, int full_tries) {
  if (code == stdx::Code::full) return full_tries < full_tries_max;
  return code == stdx::Code::unavailable || code == stdx::Code::unknown;
}

// --- loading ---

void Ledger::load(std::shared_ptr<ports::SpaceData> data, std::function<void(stdx::Status)> done) {
  data_ = std::move(data);
  data_->records([this, done = std::move(done), alive = std::weak_ptr<bool>(alive_)](
                     stdx::Result<std::vector<ports::DataRecord>> records) {
    if (alive.expired()) return;
    done(records ? take_over(*records) : stdx::Status(std::unexpected(records.error())));
  });
}

stdx::Status Ledger::take_over(const std::vector<ports::DataRecord>& records) {
  TRY_ASSIGN(auto contents, ledger::parse(records));
  dead_letters_ = std::move(contents.dead_letters);
  stream_ = contents.stream;
  stream_stored_ = stream_ != 0;
  while (stream_ == 0) stream_ = runtime_.random.next();
  for (auto& outbox : outboxes_) {
    auto& stored = contents.outboxes[key_of(*outbox.path)];
    outbox.removed = outbox.removing = stored.last - stored.entries.size();
    resent_.add(stored.entries.size());
    std::vector<MessagePtr> entries;
    for (const auto& [seq, trace] : stored.traces) outbox.traced.insert(seq);
    for (const auto& payload : stored.entries) {
      auto message = pool_.make(payload);
      message->path = outbox.path->index;
      message->sender_epoch = id_.epoch.value;
      message->sender_run = id_.run.value;
      const auto trace = stored.traces.find(outbox.removed + entries.size() + 1);
      if (trace != stored.traces.end()) message->set_trace(trace->second);
      entries.push_back(std::move(message));
    }
    if (outbox.path_removed)
      for (auto& message : std::exchange(entries, {}))
        given_up_.push_back({outbox.path->index, std::move(message)});
    outbox.path->out.drain([](MessagePtr) {});
    outbox.path->out.resume(stream_, stored.last, std::move(entries));
  }
  for (const auto& [index, key] : keys_) {
    auto& path = *topology_.paths[index];
    const auto at = contents.cursors.find(key);
    if (path.to == space_ && at != contents.cursors.end()) path.in.resume(at->second);
  }
  return {};
}

// --- committing ---

void Ledger::commit(Turn turn, MessagePtr finished, Done done) {
  waiting_.push_back({std::move(turn), std::move(finished), std::move(done)});
  if (!busy_) start();
}

void Ledger::remove_dead_letter(std::uint64_t id) {
  letters_to_remove_.push_back(id);
  if (!busy_) start();
}

void Ledger::tidy() {
  if (busy_) return;
  for (const auto& outbox : outboxes_)
    if (outbox.path->out.first_unfinished() - 1 > outbox.removed) return start();
}

void Ledger::start() {
  busy_ = true;
  tries_ = full_tries_ = 0;
  may_be_on_disk_ = false;
  // By themselves: what shares their transaction must not make them fail once more.
  under_way_ = std::exchange(letters_again_.empty() ? waiting_ : letters_again_, {});
  letters_removing_ = std::exchange(letters_to_remove_, {});
  try_commit();
}

void Ledger::try_commit() {
  data_->commit(batch_of(under_way_),
                [this, alive = std::weak_ptr<bool>(alive_)](stdx::Result<std::size_t> result) {
                  if (alive.expired()) return;
                  committed(result ? stdx::Status() : std::unexpected(result.error()));
                });
}

ports::DataBatch Ledger::batch_of(const std::vector<Step>& steps) {
  ports::DataBatch batch;
  if (!stream_stored_) batch.records.push_back(ledger::put_stream(stream_));
  std::map<PathState*, std::uint64_t> last;
  for (const auto& step : steps) {
    for (const auto& [key, value] : step.turn.writes()) batch.writes.push_back({key, value});
    for (const auto& emit : step.turn.emits()) {
      auto& path = *topology_.paths[emit.path];
      if (!path.out.keeps_until_finished()) continue;
      const auto seq = ++last.try_emplace(&path, path.out.last()).first->second;
      batch.records.push_back(ledger::put_entry(key_of(path), seq, emit.message->payload));
      if (emit.message->traced) put_trace(path, seq, *emit.message, batch.records);
    }
    for (const auto& letter : step.turn.dead_letters())
      if (letter.stored) batch.records.push_back(ledger::put_dead_letter(letter));
    if (!step.finished) continue;
    if (step.finished->dead_letter != 0 && step.turn.dead_letters().empty())
      batch.records.push_back(ledger::remove_dead_letter(step.finished->dead_letter));
    else
      note_cursor(*step.finished, batch.records);
  }
  for (const auto id : letters_removing_) batch.records.push_back(ledger::remove_dead_letter(id));
  for (auto& outbox : outboxes_) {
    outbox.promised = outbox.path->out.last();
    const auto at = last.find(outbox.path);
    if (at == last.end()) continue;
    outbox.promised = at->second;
    batch.records.push_back(ledger::put_last(key_of(*outbox.path), outbox.promised));
  }
  remove_finished(batch.records);
  return batch;
}

void Ledger::note_cursor(const Message& message, std::vector<ports::DataWrite>& records) const {
  if (!message.is_declared() || message.dead_letter != 0) return;
  const auto& path = *topology_.paths[message.path];
  // At most once: nobody sends it again. Of a stream that ended: its numbers mean nothing now.
  if (!path.out.keeps_until_finished() ||
      !path.in.counts({message.sender_epoch, message.sender_run}))
    return;
  records.push_back(ledger::put_cursor(key_of(path), path.in.at(message.seq)));
}

void Ledger::put_trace(const PathState& path, std::uint64_t seq, const Message& message,
                       std::vector<ports::DataWrite>& records) {
  for (auto& outbox : outboxes_)
    if (outbox.path == &path) outbox.traced.insert(seq);
  records.push_back(ledger::put_trace(key_of(path), seq, *message.trace()));
}

void Ledger::remove_finished(std::vector<ports::DataWrite>& records) {
  for (auto& outbox : outboxes_) {
    outbox.removing = outbox.path->out.first_unfinished() - 1;
    for (auto seq = outbox.removed + 1; seq <= outbox.removing; ++seq)
      records.push_back(ledger::remove_entry(key_of(*outbox.path), seq));
    for (auto at = outbox.traced.begin(); at != outbox.traced.end() && *at <= outbox.removing; ++at)
      records.push_back(ledger::remove_trace(key_of(*outbox.path), *at));
  }
}

void Ledger::committed(stdx::Status status) {
  const auto alive = std::weak_ptr<bool>(alive_);
  if (on_store) on_store(status);
  if (alive.expired()) return;
  // The same numbers and the same writes: it does not matter whether a try was carried out.
  if (!status && status.error().code == stdx::Code::full) ++full_tries_;
  if (!status && status.error().code == stdx::Code::unknown) may_be_on_disk_ = true;
  if (!status && ++tries_ > 0 && may_pass(status.error().code, full_tries_)) {
    retry_.set(std::min(retry_min * tries_, retry_max), [this] { try_commit(); });
    return;
  }
  // Given up although it may hold: nothing may go on from what is in memory.
  if (!status && may_be_on_disk_) status = stdx::fail(stdx::Code::unknown, status.error().message);
  const bool over = status || status.error().code == stdx::Code::stale ||
                    status.error().code == stdx::Code::unknown;
  auto steps = std::exchange(under_way_, {});
  std::vector<Step> again;
  if (!over) {
    again = take_letters_out(steps);
    if (steps.empty()) give_up_storing(again, status.error());
  }
  if (status) {
    committed_.add();
    stream_stored_ = true;
    for (auto& outbox : outboxes_) {
      outbox.removed = outbox.removing;
      outbox.traced.erase(outbox.traced.begin(), outbox.traced.upper_bound(outbox.removing));
    }
    // All of it before anybody is told: who is told may ask for the next transaction.
    for (const auto& step : steps)
      for (const auto& emit : step.turn.emits()) send_(*topology_.paths[emit.path], emit.message);
    for (const auto& outbox : outboxes_)
      ASSERT(outbox.path->out.last() == outbox.promised, "the numbers sent are those on disk");
  }
  for (const auto& step : steps) {
    if (step.done) step.done(status, step.turn);
    if (alive.expired()) return;
  }
  commit_next(status, std::move(again));
}

void Ledger::commit_next(const stdx::Status& last, std::vector<Step> again) {
  // What a failed transaction was to remove is removed by a later one.
  if (!last)
    letters_to_remove_.insert(letters_to_remove_.end(), letters_removing_.begin(),
                              letters_removing_.end());
  letters_removing_.clear();
  if (!again.empty()) {
    letters_again_ = std::move(again);
    return retry_.set(retry_max, [this] { start(); });  // busy until then
  }
  busy_ = false;
  if (!waiting_.empty() || (last && !letters_to_remove_.empty())) start();
}

std::vector<Ledger::Step> Ledger::take_letters_out(std::vector<Step>& steps) {
  const auto letters = std::stable_partition(steps.begin(), steps.end(), [](const Step& step) {
    return step.turn.dead_letters().empty();
  });
  std::vector<Step> taken(std::make_move_iterator(letters), std::make_move_iterator(steps.end()));
  steps.erase(letters, steps.end());
  return taken;
}

void Ledger::give_up_storing(std::vector<Step>& steps, const stdx::Error& why) {
  for (auto& step : steps)
    for (auto& letter : step.turn.dead_letters()) {
      if (!std::exchange(letter.stored, false)) continue;
      letters_not_stored_.add();
      letter.reason += "; it is kept until zrun ends, as the store did not take it: " + why.message;
    }
}

OutStream::Load Ledger::waiting(std::uint16_t path) const {
  OutStream::Load load;
  for (const auto* steps : {&waiting_, &under_way_})
    for (const auto& step : *steps) {
      const auto more = step.turn.emitted(path);
      load.messages += more.messages;
      load.bytes += more.bytes;
    }
  return load;
}

std::size_t Ledger::outbox_size() const {
  std::size_t n = 0;
  for (const auto& outbox : outboxes_) n += outbox.path->out.unfinished();
  return n;
}

}  // namespace zrun
