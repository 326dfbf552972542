// SPDX-License-Identifier: Apache-2.0
#include "zrun/out_stream.h"

#include <algorithm>

#include "stdx/plant.h"

namespace zrun {

std::uint64_t OutStream::push(MessagePtr message) {
  message->seq = ++last_;
  queued_bytes_ += message->payload.size();
  queue_.push_back(std::move(message));
  return last_;
}

MessagePtr OutStream::next() const {
  if (sent_ == last_ || sent_ - received_ >= options_.window) return {};
  return at(sent_ + 1);
}

void OutStream::sent() {
  ASSERT(sent_ < last_, "only what is there is sent");
  ++sent_;
  highest_sent_ = std::max(highest_sent_, sent_);
  // Never a second time: forgotten as soon as it is out.
  if (!keeps_until_finished()) finished(sent_);
}

void OutStream::received(std::uint64_t seq) {
  if (seq <= received_ || seq > acknowledged_max()) return;
  received_ = seq;
  sent_ = std::max(sent_, seq);
}

void OutStream::finished(std::uint64_t seq) {
  if (seq > acknowledged_max()) return;
  received(seq);
  while (finished_ < seq) {
    queued_bytes_ -= queue_.front()->payload.size();
    queue_.pop_front();
    ++finished_;
  }
  received_ = std::max(received_, finished_);
}

void OutStream::rewind() {
  if (!keeps_until_finished()) return;
  // A life of the receiver that died unnoticed may have handled them with nobody told (S7). Where
  // it lives on it knows them by number, and the mark is only too careful.
  mark_repeats(received_ + 1);
  sent_ = received_;
}

void OutStream::resend_after(std::uint64_t seq) {
  if (!keeps_until_finished() || seq < received_) return;
  if (seq >= sent_) return received(seq);
  received_ = seq;
  sent_ = seq;
}

void OutStream::restart() {
  mark_repeats(finished_ + 1);
  sent_ = received_ = finished_;
}

void OutStream::mark_repeats(std::uint64_t from) {
  if (is_once() || PLANTED(S7_mark)) return;
  for (std::uint64_t seq = from; seq <= highest_sent_; ++seq) at(seq)->redelivered = true;
}

void OutStream::resume(std::uint64_t stream, std::uint64_t last, std::vector<MessagePtr> entries) {
  ASSERT(queue_.empty() && entries.size() <= last,
         "the entries are the last ones of an empty stream");
  stream_ = stream;
  last_ = highest_sent_ = last;
  finished_ = received_ = sent_ = last - entries.size();
  auto seq = finished_;
  for (auto& entry : entries) {
    entry->seq = ++seq;
    queued_bytes_ += entry->payload.size();
    queue_.push_back(std::move(entry));
  }
  // The former life may have sent each of them.
  mark_repeats(finished_ + 1);
}

void OutStream::take_over(std::uint64_t epoch, std::uint32_t run) {
  for (auto seq = finished_ + 1; seq <= last_; ++seq) {
    const auto message = at(seq);
    message->sender_epoch = epoch;
    message->sender_run = run;
  }
  rewind();
}

void OutStream::drain(const std::function<void(MessagePtr)>& take) {
  while (!queue_.empty()) take(queue_.pop_front());
  queued_bytes_ = 0;
  finished_ = received_ = sent_ = last_ = highest_sent_ = 0;
  stream_ = name_ = 0;
}

}  // namespace zrun
