// SPDX-License-Identifier: Apache-2.0
#include "zrun/outside_calls.h"

#include <utility>
#include <vector>

#include "stdx/plant.h"
#include "stdx/text.h"

namespace zrun {

using stdx::Code;

OutsideCalls::OutsideCalls(ports::Metrics& metrics)
    : taken_(metrics.counter("samoza_zrun_outside_messages_total",
                             "Messages from outside that were put into a mailbox")),
      refused_(metrics.counter("samoza_zrun_outside_refused_total",
                               "Messages from outside refused because as many callers wait, or "
                               "ids are under way, as may be")),
      repeats_(metrics.counter("samoza_zrun_outside_repeats_total",
                               "Messages from outside whose id came before")),
      timed_out_(metrics.counter("samoza_zrun_outside_timeouts_total",
                                 "Callers from outside that waited longer than they wanted to")),
      callers_(metrics.gauge("samoza_zrun_outside_callers",
                             "Callers from outside that wait for a space")) {}

stdx::Status OutsideCalls::wait_for(std::uint64_t number, const Asked& asked, stdx::Instant now,
                                    bool repeated) {
  if (waiting_.size() >= callers_max) {
    refused_.add();
    return stdx::fail(Code::full,
                      stdx::format("{} callers wait for spaces of this zhost already, which is the "
                                   "limit; try again",
                                   callers_max));
  }
  const auto at = next_waiting_++;
  waiting_[at] = {number, *asked.until, *asked.until - now, repeated, asked.done};
  deadlines_.insert({*asked.until, at});
  calls_.at(number).waiting.insert(at);
  callers_.set(static_cast<std::int64_t>(waiting_.size()));
  return {};
}

stdx::Result<OutsideCalls::Repeat> OutsideCalls::repeat(const Asked& asked, stdx::Instant now) {
  if (asked.id.empty() || PLANTED(outside_repeat)) return Repeat::no;
  const auto space = spaces_.find(asked.space);
  if (space == spaces_.end()) return Repeat::no;
  const auto at = space->second.ids.find(asked.id);
  if (at == space->second.ids.end()) return Repeat::no;
  const auto& call = calls_.at(at->second);
  if (call.ended && call.ended_at + ids_last <= now) {
    forget(at->second);
    return Repeat::no;
  }
  repeats_.add();
  if (!call.ended) {
    if (!asked.until) return Repeat::waits;
    TRY(wait_for(at->second, asked, now, true));
    return Repeat::waits;
  }
  if (call.answer_dropped) {
    asked.done(stdx::fail(
        Code::already_exists,
        stdx::format("space '{}' answered a message with the id '{}' before; the answer is not "
                     "kept any more, and the message is not handled again",
                     asked.space.second, stdx::printable(asked.id, id_bytes_max))));
    return Repeat::ended;
  }
  auto end = call.end;
  if (end) end->repeated = true;
  asked.done(std::move(end));
  return Repeat::ended;
}

stdx::Result<std::uint64_t> OutsideCalls::begin(Asked asked, stdx::Instant now) {
  const auto number = next_++;
  if (asked.id.empty() && !asked.until) {
    taken_.add();
    return number;
  }
  auto& space = spaces_[asked.space];
  if (!asked.id.empty() && space.ids.size() >= ids_max) {
    if (space.ended.empty()) {
      refused_.add();
      return stdx::fail(Code::full,
                        stdx::format("space '{}' has {} messages with an id that it has not "
                                     "handled, which is the limit; try again",
                                     asked.space.second, space.ids.size()));
    }
    forget(*space.ended.begin());
  }
  // The space's entry may have gone with its oldest id.
  auto& own = spaces_[asked.space];
  auto& call = calls_[number];
  call.space = asked.space;
  call.id = asked.id;
  own.open.insert(number);
  if (!call.id.empty()) own.ids[call.id] = number;
  if (asked.until)
    if (auto waits = wait_for(number, asked, now, false); !waits) {
      forget(number);
      return std::unexpected(waits.error());
    }
  taken_.add();
  return number;
}

bool OutsideCalls::wants_answer(std::uint64_t number) const {
  const auto at = calls_.find(number);
  return at != calls_.end() && !at->second.ended;
}

void OutsideCalls::answered(std::uint64_t number, stdx::Bytes answer, stdx::Instant now,
                            std::string traceparent) {
  end(number, OutsideEnd{std::move(answer), false, std::move(traceparent)}, now);
}

void OutsideCalls::handled(std::uint64_t number, stdx::Instant now) {
  end(number, OutsideEnd{}, now);
}

void OutsideCalls::failed(std::uint64_t number, const stdx::Error& why, stdx::Instant now) {
  end(number, std::unexpected(why), now);
}

void OutsideCalls::fail_space(const Space& space, const stdx::Error& why, stdx::Instant now,
                              bool forget_ids) {
  const auto at = spaces_.find(space);
  if (at == spaces_.end()) return;
  for (const auto number : std::set(at->second.open)) end(number, std::unexpected(why), now);
  const auto again = spaces_.find(space);
  if (!forget_ids || again == spaces_.end()) return;
  for (const auto number : std::set(again->second.ended)) forget(number);
}

void OutsideCalls::end(std::uint64_t number, stdx::Result<OutsideEnd> how, stdx::Instant now) {
  const auto at = calls_.find(number);
  if (at == calls_.end() || at->second.ended) return;
  auto& call = at->second;
  std::vector<Waiting> waiting;
  for (const auto w : call.waiting) {
    auto node = waiting_.extract(w);
    deadlines_.erase({node.mapped().until, w});
    waiting.push_back(std::move(node.mapped()));
  }
  call.waiting.clear();
  callers_.set(static_cast<std::int64_t>(waiting_.size()));
  call.ended = true;
  call.ended_at = now;
  call.end = how;
  if (call.id.empty())
    forget(number);
  else
    keep(number, call);
  // Last: a caller may ask for something else at once.
  for (auto& caller : waiting) {
    auto own = how;
    if (own) own->repeated = caller.repeated;
    caller.done(std::move(own));
  }
}

std::size_t OutsideCalls::bytes_of(const Call& call) {
  return call.end && call.end->answer && !call.answer_dropped ? call.end->answer->size() : 0;
}

void OutsideCalls::keep(std::uint64_t number, Call& call) {
  auto& space = spaces_[call.space];
  space.open.erase(number);
  space.ended.insert(number);
  by_age_.insert({call.ended_at, number});
  const auto bytes = bytes_of(call);
  if (bytes == 0) return;
  space.answers.insert(number);
  answers_.insert(number);
  space.answer_bytes += bytes;
  answer_bytes_ += bytes;
  // The one that is new now stays, however large.
  while (space.answer_bytes > answer_bytes_max && space.answers.size() > 1) {
    const auto oldest = *space.answers.begin();
    drop_answer(oldest == number ? *std::next(space.answers.begin()) : oldest);
  }
  while (answer_bytes_ > answers_bytes_max && answers_.size() > 1) {
    const auto oldest = *answers_.begin();
    drop_answer(oldest == number ? *std::next(answers_.begin()) : oldest);
  }
}

void OutsideCalls::drop_answer(std::uint64_t number) {
  auto& call = calls_.at(number);
  auto& space = spaces_[call.space];
  const auto bytes = bytes_of(call);
  space.answer_bytes -= bytes;
  answer_bytes_ -= bytes;
  space.answers.erase(number);
  answers_.erase(number);
  call.answer_dropped = true;
  call.end = OutsideEnd{};
}

void OutsideCalls::forget(std::uint64_t number) {
  auto node = calls_.extract(number);
  if (node.empty()) return;
  const auto& call = node.mapped();
  const auto at = spaces_.find(call.space);
  auto& space = at->second;
  if (answers_.erase(number) > 0) {
    space.answers.erase(number);
    space.answer_bytes -= bytes_of(call);
    answer_bytes_ -= bytes_of(call);
  }
  space.open.erase(number);
  space.ended.erase(number);
  by_age_.erase({call.ended_at, number});
  const auto id = space.ids.find(call.id);
  if (id != space.ids.end() && id->second == number) space.ids.erase(id);
  if (space.open.empty() && space.ended.empty()) spaces_.erase(at);
}

std::optional<stdx::Instant> OutsideCalls::next_expiry() const {
  std::optional<stdx::Instant> at;
  if (!deadlines_.empty()) at = deadlines_.begin()->first;
  if (by_age_.empty()) return at;
  const auto old = by_age_.begin()->first + ids_last;
  return at && *at < old ? at : old;
}

void OutsideCalls::expire(stdx::Instant now) {
  while (!by_age_.empty() && by_age_.begin()->first + ids_last <= now)
    forget(by_age_.begin()->second);
  std::vector<std::pair<Waiting, std::string>> late;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    auto node = waiting_.extract(deadlines_.begin()->second);
    deadlines_.erase(deadlines_.begin());
    const auto number = node.mapped().call;
    auto& call = calls_.at(number);
    call.waiting.erase(node.key());
    late.emplace_back(std::move(node.mapped()), call.space.second);
    // Nobody can hear of it any more.
    if (call.waiting.empty() && call.id.empty()) forget(number);
  }
  callers_.set(static_cast<std::int64_t>(waiting_.size()));
  timed_out_.add(late.size());
  for (auto& [caller, space] : late)
    caller.done(stdx::fail(
        Code::timeout, stdx::format("space '{}' has not answered within {}; the message is in its "
                                    "mailbox, and it may still handle it",
                                    space, stdx::format_duration(caller.wait))));
}

}  // namespace zrun
