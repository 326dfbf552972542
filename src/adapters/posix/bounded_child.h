// SPDX-License-Identifier: Apache-2.0
#pragma once

// Runs a program on bytes, with bounds: it reads its input from descriptor 0, writes its result to
// descriptor 3 and its errors to descriptor 2, all of them files in memory, so that neither side
// ever waits for the other. Blocks until it ended or its time is over. Linux.

#include <cstdint>
#include <string>
#include <vector>

#include "stdx/bytes.h"
#include "stdx/result.h"
#include "stdx/time.h"

namespace adapters::posix {

struct ChildBounds {
  std::uint64_t memory_bytes;  // of its address space
  // Of its processors: a loaded machine does not shorten it. It is ended too after clock_per_time
  // times as long on the clock, as one that waits for something takes no processor.
  stdx::Duration time;
  std::size_t output_bytes_max;
};

inline constexpr int clock_per_time = 10;

struct ChildOutcome {
  bool timed_out = false;  // it was killed
  int code = 0;            // exit code, or
  int signal = 0;          // the signal that ended it
  stdx::Bytes output;      // of exit code 0
  std::string errors;      // the first 4 KiB of stderr
};

// The child dies with this process, runs at a lower priority, and leaves no core. Code::failed
// where it can't be run at all. Thread-safe.
stdx::Result<ChildOutcome> run_bounded(const std::vector<std::string>& argv, stdx::BytesView input,
                                       const ChildBounds& bounds);

}  // namespace adapters::posix
