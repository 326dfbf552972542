// SPDX-License-Identifier: Apache-2.0
#pragma once

// The members as the control plane told them: the whole list first, then what changed. Its numbers
// are those of one link: they begin anew with the next.
//
// Pure.

#include <string>

#include "samoza/v1/controlplane.pb.h"

namespace zmesh {

namespace v1 = samoza::v1;

class MemberList {
 public:
  enum class Heard {
    news,  // taken
    old,   // not newer than what is known
    gap,   // what it builds on is missing here: the whole is to be asked for (controlplane.members)
  };
  // For the next link. What is known stays until something is heard.
  void begin_anew() { begun_ = false; }
  // An event, or the answer to a question. One without a number is taken as newer.
  Heard take(v1::MembersChanged said);

  const v1::MembersChanged& list() const { return list_; }

 private:
  void apply(v1::MembersChanged said);

  bool begun_ = false;  // a whole list of this link was heard
  std::uint64_t sequence_ = 0;
  v1::MembersChanged list_;  // whole, without a number
};

}  // namespace zmesh
