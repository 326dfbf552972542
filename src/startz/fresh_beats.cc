// SPDX-License-Identifier: Apache-2.0
#include "startz/fresh_beats.h"

#include "stdx/plant.h"
#include "stdx/text.h"

namespace startz {

void FreshBeats::set_members(const std::set<std::string>& zhosts) {
  std::erase_if(heard_, [&](const auto& heard) { return !zhosts.contains(heard.first); });
  for (const auto& zhost : zhosts) heard_[zhost];
}

FreshBeats::Verdict FreshBeats::hear(const v1::Beat& beat, stdx::Instant now) {
  const auto at = heard_.find(beat.zhost());
  if (at == heard_.end()) return {};
  auto& heard = at->second;
  if (beat.incarnation() == heard.incarnation) {
    const bool fresh = beat.counter() > heard.counter || PLANTED(P9_counter);
    if (fresh) heard.counter = beat.counter();
    return {fresh, {}};
  }
  if (beat.incarnation() < heard.incarnation) return {};
  if (!heard.challenge.empty() && stdx::equal_in_constant_time(beat.answer(), heard.challenge)) {
    heard = {beat.incarnation(), beat.counter(), {}, {}};
    return {true, {}};
  }
  if (heard.asked && now - *heard.asked < ask_every) return {};
  heard.asked = now;
  if (heard.challenge.empty())
    for (int word = 0; word < 2; ++word) {
      const auto bits = random_.next();
      for (int shift = 0; shift < 64; shift += 8)
        heard.challenge.push_back(static_cast<char>(bits >> shift));
    }
  return {false, heard.challenge};
}

}  // namespace startz
