// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every link is told of the members: to one that has heard nothing the whole list, to the
// others what changed since the list before. Each announcement has a number; a change says on which
// one it builds, and may be applied to any list that is at least as new as that.
//
// Pure. Work per announcement: one look at each member; sent is what changed.

#include <map>
#include <string>

#include "samoza/v1/controlplane.pb.h"

namespace controlplane {

namespace v1 = samoza::v1;

class MemberNews {
 public:
  // What holds now, without the records. False where all of it was announced before.
  bool announce(const v1::MembersChanged& now);
  // The announcement for a link that was told the one with number `told` last (0: none). Both
  // without the records.
  const v1::MembersChanged& for_link(std::uint64_t told) const;
  std::uint64_t sequence() const { return sequence_; }

  // For an answer between two announcements: `now` with the number of the last one. What in it was
  // not announced so is announced next time, whatever holds then.
  v1::MembersChanged answer(v1::MembersChanged now);

 private:
  static std::string rest_of(const v1::MembersChanged& now);

  std::uint64_t sequence_ = 0;
  std::map<std::string, std::string> told_;  // zhost -> its row; empty: another one may be known
  std::string rest_;                         // everything but the members
  bool rest_unsure_ = false;
  v1::MembersChanged whole_, changed_;
};

}  // namespace controlplane
