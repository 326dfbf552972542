// SPDX-License-Identifier: Apache-2.0
#pragma once

// What libprotobuf has to say (a string field that is no UTF-8, a message it cannot parse) it
// writes to stderr by itself, one line for each message of a peer: who sends enough of them fills
// the disk. With this in place its words are counted, and the 1st, 2nd, 4th, 8th… of them is one
// JSON line: at most 64 lines in the life of a process.

#include "ports/log.h"
#include "ports/metrics.h"

namespace adapters::log {

// For the whole process, from any thread; both live as long as the returned guard, of which there
// is one at a time. Its end gives the words to nobody.
class ProtobufLog {
 public:
  ProtobufLog(ports::Log& log, ports::Metrics& metrics);
  ~ProtobufLog();
  ProtobufLog(const ProtobufLog&) = delete;
};

}  // namespace adapters::log
