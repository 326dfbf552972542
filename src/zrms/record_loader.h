// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads all records at the start of a leadership session, page by page, as one consistent state of
// the session's term (docs/protocol.md, P7). Others commit meanwhile (a zhost that registers): what
// changed since the first page is then read as well, so a commit costs one more page and not a new
// beginning. Pure: `next` says what to ask for, `take` takes the answer.
//
//     pages: all rows by key, the first at revision r
//     changes since r; where those took several pages, changes since the first of them, and so on
//
// After rounds_max rounds it gives up: begin anew, later.

#include <cstdint>
#include <map>
#include <string>

#include "samoza/v1/controlplane.pb.h"

namespace zrms {

namespace v1 = samoza::v1;

class RecordLoader {
 public:
  static constexpr int rounds_max = 20;
  enum class Got { more, whole, begin_anew };

  void begin(std::uint64_t term);
  v1::ReadSinceRequest next() const;
  // begin_anew: of another term, or nothing that leads on.
  Got take(v1::RecordsReply reply);
  // After `whole`: all records, sorted by (kind, key). Leaves the loader empty.
  v1::RecordsReply records();

 private:
  using Key = std::pair<std::string, std::string>;

  std::uint64_t term_ = 0;
  std::uint64_t since_ = 0;     // of this round; 0: the first one, of all rows
  std::uint64_t revision_ = 0;  // of the first page of this round
  bool first_page_ = true;
  bool several_ = false;  // pages of different revisions in this round
  int rounds_ = 0;
  v1::RecordKey last_;
  std::map<Key, v1::Record> rows_;
};

}  // namespace zrms
