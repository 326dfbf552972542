// SPDX-License-Identifier: Apache-2.0
#include "zrun/dead_letters.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

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
  letter.order = ++order_;
  letters_.push_back(std::move(letter));
  const auto at = std::prev(letters_.end());
  by_id_[at->id] = at;
  auto& share = shares_[at->topology];
  share.letters[at->order] = at;
  share.bytes += at->payload.size();
  keep_bounds();
  kept_.set(static_cast<std::int64_t>(letters_.size()));
}

// The topology that has most gives its oldest: the letters of one that is stopped with thousands of
// messages under way push out no others.
void DeadLetters::keep_bounds() {
  while (letters_.size() > letters_max || bytes_ > bytes_max) {
    const bool by_number = letters_.size() > letters_max;
    std::vector<const Share*> largest;
    for (const auto& [topology, share] : shares_) largest.push_back(&share);
    std::sort(largest.begin(), largest.end(), [&](const Share* a, const Share* b) {
      return by_number ? a->letters.size() > b->letters.size() : a->bytes > b->bytes;
    });
    if (std::none_of(largest.begin(), largest.end(),
                     [&](const Share* of) { return drop_one(*of); }))
      return;
  }
}

// Its oldest that is not being retried; not the newest one of all.
bool DeadLetters::drop_one(const Share& of) {
  for (const auto& [order, at] : of.letters) {
    if (at->retrying || order == order_) continue;
    dropped_.add();
    if (on_dropped) on_dropped(*at);
    erase(at);
    return true;
  }
  return false;
}

DeadLetters::Letters::iterator DeadLetters::erase(Letters::iterator at) {
  bytes_ -= at->payload.size();
  by_id_.erase(at->id);
  const auto share = shares_.find(at->topology);
  share->second.letters.erase(at->order);
  share->second.bytes -= at->payload.size();
  if (share->second.letters.empty()) shares_.erase(share);
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
