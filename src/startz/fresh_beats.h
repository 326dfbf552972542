// SPDX-License-Identifier: Apache-2.0
#pragma once

// Tells beats that a zhost sends now from recorded ones. Whoever has not heard this life of a zhost
// before asks it with 16 random bytes; the beat that has them is fresh, and from then on only one
// with a higher counter than any before is. Nothing is said of a beat twice, so a zrms that starts
// anew, and knows no counter, is told no recorded one. Pure; remembers the zhosts of the list and
// no others.

#include <map>
#include <optional>
#include <set>
#include <string>

#include "ports/random.h"
#include "samoza/v1/cluster.pb.h"
#include "stdx/bytes.h"
#include "stdx/time.h"

namespace startz {

namespace v1 = samoza::v1;

class FreshBeats {
 public:
  static constexpr stdx::Duration ask_every = std::chrono::milliseconds(50);

  explicit FreshBeats(ports::Random& random) : random_(random) {}

  void set_members(const std::set<std::string>& zhosts);
  bool is_member(const std::string& zhost) const { return heard_.contains(zhost); }

  struct Verdict {
    bool fresh = false;
    std::optional<stdx::Bytes> challenge;  // to be sent to where the beat came from
  };
  Verdict hear(const v1::Beat& beat, stdx::Instant now);

 private:
  struct Heard {
    std::uint64_t incarnation = 0;  // of the life that was heard; 0: none
    std::uint64_t counter = 0;      // the highest that was heard
    stdx::Bytes challenge;          // that is not answered yet
    std::optional<stdx::Instant> asked;
  };
  ports::Random& random_;
  std::map<std::string, Heard> heard_;
};

}  // namespace startz
