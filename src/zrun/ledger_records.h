// SPDX-License-Identifier: Apache-2.0
#pragma once

// How the Ledger's facts look in the reserved area of a space's store. Paths go by their keys
// (their names, see Ledger::key_of), numbers are big-endian, so that the entries of an outbox lie
// in order.
//
//   stream                     8 bytes: which outbox this is
//   cursor/PATH                sender epoch 8, run 4, stream 8, seq 8: committed up to there
//   last/PATH                  8 bytes: the last number given on PATH
//   outbox/PATH/SEQ            a message that its receiver has not finished; SEQ: 8 bytes
//   trace/PATH/SEQ             the trace context of that message, where it has one: trace id 8 and
//   8, span id 8, flags 1
//   dead/ID                    a message that this space could not handle (zrun/dead_letters.h);
//   ID: 8
//                              bytes. seq 8, sender epoch 8, deliveries 4, wall time in ms 8,
//                              length of the path's name 1 and the name, of the reason 2 and the
//                              reason, payload
//
// Pure. Names of paths have no '/' (model::is_name).

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/trace_context.h"
#include "ports/data_store.h"
#include "stdx/result.h"
#include "zrun/dead_letters.h"
#include "zrun/in_window.h"

namespace zrun::ledger {

ports::DataWrite put_stream(std::uint64_t stream);
ports::DataWrite put_cursor(const std::string& path, const Cursor& cursor);
ports::DataWrite put_last(const std::string& path, std::uint64_t last);
ports::DataWrite put_entry(const std::string& path, std::uint64_t seq, stdx::Bytes payload);
ports::DataWrite remove_entry(const std::string& path, std::uint64_t seq);
ports::DataWrite put_trace(const std::string& path, std::uint64_t seq,
                           const model::TraceContext& trace);
ports::DataWrite remove_trace(const std::string& path, std::uint64_t seq);
ports::DataWrite put_dead_letter(const DeadLetter& letter);
ports::DataWrite remove_dead_letter(std::uint64_t id);

struct Contents {
  struct Outbox {
    std::uint64_t last = 0;
    std::vector<stdx::Bytes> entries;                     // numbers last - size + 1 to last
    std::map<std::uint64_t, model::TraceContext> traces;  // by number
  };
  std::uint64_t stream = 0;  // 0: nothing was committed yet
  std::map<std::string, Outbox> outboxes;
  std::map<std::string, Cursor> cursors;
  std::vector<DeadLetter> dead_letters;  // without topology, from and to: those know who asks
};

// Code::corrupt where the records cannot have been written by these functions.
stdx::Result<Contents> parse(const std::vector<ports::DataRecord>& records);

}  // namespace zrun::ledger
