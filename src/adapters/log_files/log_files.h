// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::SpaceLogs as one small file for each space: FOLDER/TOPOLOGY/SPACE.log. The disk is touched
// on a thread only. Lines wait in memory while it writes, and go to each file in one write.
//
// Bounds: lines of pending_bytes_max wait; a file has file_bytes_max (log_text.h says what stays
// when it is full); files that nothing was written to for kept_for go, and the oldest ones where
// all have more than all_bytes_max: what a space left behind on a zhost that it moved away from.

#include <chrono>
#include <memory>
#include <string>

#include "ports/executor.h"
#include "ports/metrics.h"
#include "ports/space_logs.h"

namespace adapters::log_files {

struct Options {
  std::string folder;
  std::size_t file_bytes_max = 64u << 10;
  std::size_t pending_bytes_max = 4u << 20;
  std::uint64_t all_bytes_max = 1u << 30;
  std::chrono::hours kept_for{7 * 24};
  std::uint64_t disk_reserve_bytes = 0;
};

class LogFiles final : public ports::SpaceLogs {
 public:
  static constexpr std::size_t jobs_max = 256;

  // `unwritten` counts the lines that were lost.
  LogFiles(ports::Executor& executor, Options options, ports::Counter& unwritten);
  ~LogFiles() override;

  void append(const model::SpaceKey& key, ports::LogLine line) override;
  void read(const model::SpaceKey& key, Lines done) override;
  void remove(const model::SpaceKey& key) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace adapters::log_files
