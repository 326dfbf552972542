// SPDX-License-Identifier: Apache-2.0
#pragma once

// When "nothing listens there" is evidence of a zhost's end (startz.refused): only when every
// address of it that datagrams go to said so within `within`. One of several addresses may belong
// to this machine, too, or to a third one (a bridge of containers), and refuse while the zhost
// lives. A beat of the zhost, or another list of addresses, starts it anew. Pure; remembers the
// addresses of zhosts on the list of members and no others.

#include <map>
#include <string>
#include <vector>

#include "stdx/time.h"

namespace startz {

class Refusals {
 public:
  static constexpr stdx::Duration within = std::chrono::seconds(1);

  // True where now all of `addresses` have refused; that is said once, and they count anew.
  bool refused(const std::string& zhost, const std::vector<std::string>& addresses,
               const std::string& address, stdx::Instant now);
  void heard(const std::string& zhost) { refused_.erase(zhost); }
  // Forgets the others.
  template <typename Set>
  void set_members(const Set& zhosts) {
    std::erase_if(refused_, [&](const auto& at) { return !zhosts.contains(at.first); });
  }

 private:
  std::map<std::string, std::map<std::string, stdx::Instant>> refused_;  // zhost -> address -> when
};

}  // namespace startz
