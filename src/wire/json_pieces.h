// SPDX-License-Identifier: Apache-2.0
#pragma once

// A large JSON object cut into small ones, so that a loop can read it in several tasks: the members
// of its lists are dealt out, and the messages read from the pieces, merged in order, are what the
// whole would have given. Pure; nothing is copied.

#include <string>
#include <string_view>
#include <vector>

#include "stdx/result.h"

namespace wire {

class JsonPieces {
 public:
  // Of each list; no topology has so many. A longer one would take 16 bytes for each member.
  static constexpr std::size_t members_max = 100'000;

  // Finds the members of the lists named `lists` at the top of `json`, which outlives it. It looks
  // for brackets, quotation marks and commas alone: what else is wrong is found where a piece is
  // read. Code::invalid where the brackets do not fit, text follows the object,
  // a list has too many members or is there twice.
  static stdx::Result<JsonPieces> of(std::string_view json,
                                     const std::vector<std::string_view>& lists);

  // The next piece, a JSON object of at least one member and about `bytes` in all; the first one
  // has everything that is in no list. Empty: that was all.
  std::string next(std::size_t bytes);

 private:
  struct List {
    std::string_view name;
    std::vector<std::string_view> members;
  };
  std::string rest_;  // of the object, without those lists and without its braces
  std::vector<List> lists_;
  std::size_t list_ = 0, member_ = 0;
  bool begun_ = false;
};

}  // namespace wire
