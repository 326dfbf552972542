// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who is in the cluster and who may lead it, as a pure value: members by id with the version of
// their row, which of them have a link to a control plane, and the ordered list of super
// candidates. Single-threaded; holds at most members_max zhosts.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "samoza/v1/controlplane.pb.h"
#include "stdx/result.h"
#include "stdx/time.h"

namespace controlplane {

namespace v1 = samoza::v1;

class Membership {
 public:
  static constexpr std::size_t members_max = 1000;
  static constexpr std::size_t supers_max = 3;
  // Everybody hears of all members in one frame.
  static constexpr std::size_t member_bytes_max = 2048;
  // A candidate without a link for longer gives its place to one that has a link.
  static constexpr stdx::Duration absent_max = std::chrono::seconds(20);

  struct Row {
    v1::Member member;
    std::uint64_t version = 0;
  };

  // A member's row as the store has it. True when it changed.
  bool learn(v1::Member member, std::uint64_t version, stdx::Instant now);
  bool forget(const std::string& zhost);

  // What to write so that a dead zhost is no member any more (R-DEC-6): its row stays, marked, and
  // bars that incarnation; so what it ran counts as gone (P2, P13) and it comes back as a new life.
  // Code::not_found; Code::stale where it is known with another incarnation.
  stdx::Result<Row> to_forget(const std::string& zhost, std::uint64_t incarnation) const;

  // May `member` register? Code::stale for an older incarnation than the one known, or forgotten,
  // or at another address (a clash of ids) with the same incarnation or while the one known is
  // `connected` by another link: what it runs must not be placed anew. Code::full past members_max.
  // The row's expected version when it may.
  stdx::Result<std::uint64_t> admit(const v1::Member& member, bool connected = false) const;

  // What to write when a leader found it dead, or saw it come back. Code::not_found; Code::stale
  // where it is known with another incarnation; version 0: the row says so already.
  stdx::Result<Row> to_mark(const std::string& zhost, std::uint64_t incarnation, bool dead) const;

  void linked(const std::string& zhost, bool up, stdx::Instant now);

  // Candidates in order (docs/adr/0010-supers.md): up to three, by id, present ones first.
  std::vector<std::string> supers(stdx::Instant now) const;
  std::vector<v1::Member> members() const;
  const Row* find(const std::string& zhost) const;
  std::size_t remembered() const { return last_seen_.size(); }

 private:
  bool present(const std::string& zhost, stdx::Instant now) const;

  std::map<std::string, Row> rows_;
  std::map<std::string, int> links_;
  std::map<std::string, stdx::Instant> last_seen_;
};

}  // namespace controlplane
