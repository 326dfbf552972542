// SPDX-License-Identifier: Apache-2.0
#pragma once

// How many join tokens that are not good one address (of IPv6: one /64, which a single machine may
// have whole) may show: attempts_max at once, then one a second. A token that is good is never held
// back, whoever else shows bad ones; this bounds what strangers are told and what is logged. Pure.
// At most sources_max addresses; past it those that have shown none for longest share one budget.

#include <map>
#include <string>

#include "stdx/time.h"

namespace controlplane {

class JoinAttempts {
 public:
  static constexpr std::uint64_t attempts_max = 20;
  static constexpr std::size_t sources_max = 1024;

  // What `source`, an address as text, counts with. Text that is no address counts by itself.
  static std::string network_of(const std::string& source);

  // False: too many.
  bool failed(const std::string& source, stdx::Instant now);
  std::size_t size() const { return sources_.size(); }

 private:
  struct Budget {
    std::uint64_t left = attempts_max;
    stdx::Instant at{};
  };
  static bool take(Budget& budget, stdx::Instant now);
  void tidy(stdx::Instant now);

  std::map<std::string, Budget> sources_;
  Budget others_;
};

}  // namespace controlplane
