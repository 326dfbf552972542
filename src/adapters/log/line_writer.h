// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes lines to stderr or to a file on a thread of its own, so that no event loop waits for a
// disk or for the reader of a pipe.
//
// Bound: bytes_max wait. Past it lines are dropped and counted, and once there is room again one
// line says how many. A stderr that is closed, and a file that cannot be written, drop lines the
// same way. At its end what waits is written for at most `last_words`; a thread that still waits
// for a reader then is left behind.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "stdx/time.h"

namespace adapters::log {

class LineWriter {
 public:
  static constexpr std::size_t bytes_max = 4u << 20;
  static constexpr stdx::Duration last_words = std::chrono::seconds(1);

  struct Options {
    std::string file;  // rotated at 16 MiB, 4 kept; empty: `descriptor`
    int descriptor = 2;
    // The line for `n` dropped ones. Called on the thread.
    std::function<std::string(std::uint64_t n)> dropped_line;
    // How many more lines were dropped. Called on any thread.
    std::function<void(std::uint64_t n)> on_dropped;
  };
  explicit LineWriter(Options options);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;

  // Without its end of line. From any thread; never waits.
  void write(std::string line);
  // Waits until what was queued is written, at most so long. True when it is.
  bool flush(stdx::Duration at_most);

 private:
  struct State;
  static void run(State& state);
  std::shared_ptr<State> state_;
};

}  // namespace adapters::log
