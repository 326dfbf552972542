// SPDX-License-Identifier: Apache-2.0
#pragma once

// What changed lately, for readers that each keep their own place: a reader looks at what was noted
// since its last look, and not at everything there is. Pure.
//
// Bound: `kept_max` notes. A reader that is further behind, or new, is told to look at everything.

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

namespace zrms {

class ChangeLog {
 public:
  static constexpr std::size_t kept_max = 50'000;
  using Key = std::pair<std::string, std::string>;  // topology id, space; no space: the topology
  using Place = std::uint64_t;                      // 0: has looked at nothing yet

  void note(Key key) {
    if (notes_.size() == kept_max) {
      notes_.pop_front();
      ++first_;
    }
    notes_.push_back(std::move(key));
  }
  // Everything is different now.
  void note_all() {
    first_ += notes_.size() + 1;
    notes_.clear();
  }
  // Calls `f` for each note since `place`. False where they are not kept any more: `f` was not
  // called, and the reader looks at everything.
  template <typename F>
  bool read(Place& place, F f) const {
    const auto begin = place;
    place = first_ + notes_.size();
    if (begin < first_) return false;
    for (auto at = begin; at < place; ++at) f(notes_[static_cast<std::size_t>(at - first_)]);
    return true;
  }

 private:
  std::uint64_t first_ = 1;  // of the first note that is kept
  std::deque<Key> notes_;
};

}  // namespace zrms
