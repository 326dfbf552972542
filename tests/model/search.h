// SPDX-License-Identifier: Apache-2.0
#pragma once

// Explicit-state search for the models here: breadth first, so the first trace found is a shortest
// one. A State is plain memory of a size that 8 divides, without padding that is not zeroed, and
// has `const char* wrong`.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace model_search {

struct Found {
  std::string wrong;               // empty: nothing was found
  std::vector<std::string> trace;  // what each action said
  std::size_t states = 0;
  bool exhausted = false;
};

template <typename State>
std::uint64_t hash_of(const State& state) {
  static_assert(sizeof(State) % 8 == 0);
  std::uint64_t hash = 0xcbf29ce484222325ull;
  const auto* bytes = reinterpret_cast<const unsigned char*>(&state);
  for (std::size_t i = 0; i + 8 <= sizeof state; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes + i, 8);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
    hash ^= hash >> 29;
  }
  return hash;
}

// Each action is tried in each state; it gives false where its guard does not hold. `check` sets
// `wrong` of a state that breaks a property. `said` is what the last action did.
template <typename State>
Found search(const State& begin, const std::vector<std::function<bool(State&)>>& actions,
             const std::function<void(State&)>& check, const std::string& said,
             std::size_t states_max) {
  std::vector<State> states{begin};
  std::vector<std::pair<std::uint32_t, std::uint16_t>> from{{0, 0}};
  std::unordered_multimap<std::uint64_t, std::uint32_t> seen{{hash_of(states[0]), 0}};
  Found found;
  const auto trace = [&](std::size_t at) {
    std::vector<std::uint16_t> path;
    for (; at != 0; at = from[at].first) path.push_back(from[at].second);
    State state = begin;
    for (auto step = path.rbegin(); step != path.rend(); ++step) {
      actions[*step](state);
      found.trace.push_back(said);
    }
  };
  for (std::size_t at = 0; at < states.size(); ++at) {
    for (std::size_t a = 0; a < actions.size(); ++a) {
      State next;
      std::memcpy(static_cast<void*>(&next), &states[at], sizeof next);
      if (!actions[a](next)) continue;
      check(next);
      const auto hash = hash_of(next);
      const auto [low, high] = seen.equal_range(hash);
      if (std::any_of(low, high, [&](const auto& entry) {
            return std::memcmp(&states[entry.second], &next, sizeof next) == 0;
          }))
        continue;
      seen.emplace(hash, static_cast<std::uint32_t>(states.size()));
      states.push_back(next);
      from.emplace_back(static_cast<std::uint32_t>(at), static_cast<std::uint16_t>(a));
      if (next.wrong != nullptr) {
        found.wrong = next.wrong;
        found.states = states.size();
        trace(states.size() - 1);
        return found;
      }
    }
    if (states.size() >= states_max) break;
    found.exhausted = at + 1 == states.size();
  }
  found.states = states.size();
  return found;
}

}  // namespace model_search
