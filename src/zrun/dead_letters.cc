// SPDX-License-Identifier: Apache-2.0
#include "zrun/dead_letters.h"

#include <iterator>
#include <utility>

#include "stdx/assert.h"

namespace zrun {

DeadLetters::DeadLetters(ports::Metrics& metrics)
    : total_(metrics.counter("samoza_zrun_dead_letters_total",
                             "Messages that were accepted and could not be handled")),
      dropped_(metrics.counter("samoza_zrun_dead_letters_dropped_total",
                               "Dead letters dropped because as many are kept as may be")),
      kept_(metrics.gauge("samoza_zrun_dead_letters", "Dead letters that are kept")) {}

void DeadLetters::add(DeadLetter letter) {
  total_.add();
  put(std::move(letter));
}

void DeadLetters::loaded(DeadLetter letter) {
  if (!by_id_.contains(letter.id)) put(std::move(letter));
}

void DeadLetters::put(DeadLetter letter) {
  ASSERT(letter.id != 0 && !by_id_.contains(letter.id), "a letter has an id of its own");
  bytes_ += letter.payload.size();
  letters_.push_back(std::move(letter));
  by_id_[letters_.back().id] = std::prev(letters_.end());
  keep_bounds();
  kept_.set(static_cast<std::int64_t>(letters_.size()));
}

void DeadLetters::keep_bounds() {
  for (auto at = letters_.begin(); letters_.size() > letters_max || bytes_ > bytes_max;) {
    if (std::next(at) == letters_.end()) return;  // the newest one stays
    if (at->retrying) {
      ++at;
      continue;
    }
    dropped_.add();
    if (on_dropped) on_dropped(*at);
    at = erase(at);
  }
}

DeadLetters::Letters::iterator DeadLetters::erase(Letters::iterator at) {
  bytes_ -= at->payload.size();
  by_id_.erase(at->id);
  const auto next = letters_.erase(at);
  kept_.set(static_cast<std::int64_t>(letters_.size()));
  return next;
}

const DeadLetter* DeadLetters::find(std::uint64_t id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : &*at->second;
}

void DeadLetters::set_retrying(std::uint64_t id, bool retrying) {
  if (const auto at = by_id_.find(id); at != by_id_.end()) at->second->retrying = retrying;
}

void DeadLetters::failed_again(std::uint64_t id, std::string reason) {
  const auto at = by_id_.find(id);
  if (at == by_id_.end()) return;
  at->second->retrying = false;
  at->second->reason = std::move(reason);
}

void DeadLetters::remove(std::uint64_t id) {
  if (const auto at = by_id_.find(id); at != by_id_.end()) erase(at->second);
}

void DeadLetters::forget_stored(const std::string& topology, const std::string& space) {
  for (auto at = letters_.begin(); at != letters_.end();)
    at = at->stored && at->topology == topology && at->to == space ? erase(at) : std::next(at);
}

}  // namespace zrun
