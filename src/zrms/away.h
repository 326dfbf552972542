// SPDX-License-Identifier: Apache-2.0
#pragma once

// Since when the cluster has no leader, why, and what works meanwhile: the one sentence that every
// command which reads shows. Pure.

#include <algorithm>
#include <optional>
#include <string>

#include "stdx/text.h"
#include "stdx/time.h"

namespace zrms {

// A trouble that says itself what to do, behind a semicolon, needs no other advice.
inline std::string with_advice(const std::string& trouble) {
  return trouble.find("; ") != std::string::npos ? trouble
                                                 : trouble + "; bring the control plane back";
}

class Away {
 public:
  // So long no leader is no trouble for a zhost that has just started.
  static constexpr std::chrono::seconds start_takes{10};

  // What the control plane answered last; empty: it is well.
  void control_plane_is(const std::string& trouble, stdx::WallTime now) {
    trouble_ = trouble;
    if (trouble_.empty())
      trouble_since_.reset();
    else if (!trouble_since_)
      trouble_since_ = now;
  }
  // Whether some zhost holds the term, as far as is known here.
  void leader_is(bool there, stdx::WallTime now) {
    had_leader_ |= there;
    if (!began_) began_ = now;
    now_ = now;
    if (there)
      leaderless_since_.reset();
    else if (!leaderless_since_)
      leaderless_since_ = now;
  }
  // Empty: there is a leader. A control plane that is away for a moment is nothing to tell: its
  // leader is one until the lease is over.
  std::string sentence() const {
    if (!leaderless_since_) return "";
    if (!had_leader_ && now_ - *began_ < start_takes && !trouble_.starts_with("the records are "))
      return stdx::format(
          "this zhost has just started and knows no leader yet{}{}; that takes some "
          "seconds",
          trouble_.empty() ? "" : ": ", trouble_.substr(0, trouble_.find("; ")));
    const auto since =
        trouble_since_ ? std::min(*trouble_since_, *leaderless_since_) : *leaderless_since_;
    return stdx::format(
        "the cluster has no leader since {}: {}. Until it has one nothing is placed, moved or "
        "declared dead, and no change is taken. Spaces and their messages run on; what is shown "
        "is what was known then",
        stdx::format_rfc3339(since),
        trouble_.empty() ? "no super holds the term; one takes it within seconds where the supers "
                           "reach the control plane"
        : trouble_.starts_with("the records are ") ? trouble_
                                                   : with_advice(trouble_));
  }

 private:
  std::string trouble_;
  std::optional<stdx::WallTime> trouble_since_, leaderless_since_, began_;
  stdx::WallTime now_{};
  bool had_leader_ = false;
};

}  // namespace zrms
