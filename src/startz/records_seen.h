// SPDX-License-Identifier: Apache-2.0
#pragma once

// What this zhost knows of the records (docs/protocol.md, P15): their lineage, the highest counter
// of it and the highest term that it heard of. startz keeps it on disk, so that a control plane
// whose database went back learns of it when the zhost registers. Pure.
//
// Between the report for a registration and the answer it is a promise, too: nothing that follows
// from newer records than reported is taken. What was under way when the records went back thus
// never arrives after its zhost has registered.

#include <optional>
#include <string>

#include "samoza/v1/cluster.pb.h"
#include "stdx/result.h"

namespace startz {

namespace v1 = samoza::v1;

class RecordsSeen {
 public:
  explicit RecordsSeen(v1::RecordsKnown known) : known_(std::move(known)) {}

  // From a command that was taken. True when it is news that is to be kept.
  bool hear(const v1::CommandHeader& header);
  // From a directory update: records that continue the ones known here are taken, too.
  bool hear(const v1::RecordsNews& news);
  // What a control plane said that has admitted this zhost: whatever it is, it holds.
  bool admitted(const v1::RecordsKnown& now);
  // For a registration.
  const v1::RecordsKnown& report() {
    promised_ = known_;
    return known_;
  }
  const v1::RecordsKnown& known() const { return known_; }
  // Whether the command may be taken now; empty: yes.
  std::string refusal(const v1::CommandHeader& header) const;

 private:
  bool raise(const v1::RecordsKnown& heard);

  v1::RecordsKnown known_;
  std::optional<v1::RecordsKnown> promised_;  // what was reported, until it is answered
};

// One line for the disk, and back. Code::corrupt where it is none.
std::string to_line(const v1::RecordsKnown& known);
stdx::Result<v1::RecordsKnown> records_from_line(std::string_view line);

}  // namespace startz
