// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/http_seats.h"

#include <algorithm>
#include <utility>

namespace adapters::net {

HttpSeats::Arrival HttpSeats::arrive(const std::string& source) {
  Arrival arrival;
  const auto of_source = of_source_.find(source);
  if (of_source != of_source_.end() && of_source->second >= limits_.of_one_source) {
    arrival.leaves = make_room(&source);
    if (!arrival.leaves) return arrival;
  } else if (seats_.size() >= limits_.total) {
    arrival.leaves = make_room(nullptr);
    if (!arrival.leaves) return arrival;
  }
  arrival.seat = next_++;
  seats_[*arrival.seat] = {source, waiting_.insert(waiting_.end(), *arrival.seat)};
  ++of_source_[source];
  return arrival;
}

// Of that source, or of any.
std::optional<HttpSeats::Seat> HttpSeats::make_room(const std::string* source) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](Seat seat) {
    return source == nullptr || seats_.at(seat).source == *source;
  });
  if (found == waiting_.end()) return std::nullopt;
  const auto seat = *found;
  leave(seat);
  return seat;
}

void HttpSeats::leave(Seat seat) {
  end_upload(seat);
  works(seat);
  const auto at = seats_.find(seat);
  if (at == seats_.end()) return;
  const auto source = of_source_.find(at->second.source);
  if (--source->second == 0) of_source_.erase(source);
  seats_.erase(at);
}

void HttpSeats::waits(Seat seat) {
  const auto at = seats_.find(seat);
  if (at == seats_.end()) return;
  auto& place = at->second.place;
  if (place == waiting_.end())
    place = waiting_.insert(waiting_.end(), seat);
  else
    waiting_.splice(waiting_.end(), waiting_, place);
}

void HttpSeats::works(Seat seat) {
  const auto at = seats_.find(seat);
  if (at == seats_.end() || at->second.place == waiting_.end()) return;
  waiting_.erase(at->second.place);
  at->second.place = waiting_.end();
}

bool HttpSeats::begin_upload(Seat seat) {
  const auto at = seats_.find(seat);
  if (at == seats_.end() || uploads_ >= limits_.uploads) return false;
  uploads_ += !std::exchange(at->second.upload, true);
  return true;
}

void HttpSeats::end_upload(Seat seat) {
  const auto at = seats_.find(seat);
  if (at != seats_.end()) uploads_ -= std::exchange(at->second.upload, false);
}

}  // namespace adapters::net
