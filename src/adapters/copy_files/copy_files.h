// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::CopyStore as files of one folder, which is made with the first copy. The name of a file
// says what its copy is of, so that a file appears whole, with everything that is known of it, or
// not at all:
//
//   records-NUMBER-COUNTER-TERM-SECONDS-LINEAGE-SHA256.db
//
// NUMBER grows with each copy: the order is not that of anybody's clock. A file is a database that
// a person can put in place of the control plane's by hand. The disk is touched on a thread only.

#include <memory>
#include <string>
#include <vector>

#include "ports/copy_store.h"
#include "ports/executor.h"
#include "ports/metrics.h"

namespace adapters::copy_files {

struct Options {
  std::string folder;
  std::size_t kept = 5;                  // copies
  std::uint64_t bytes_max = 256u << 20;  // of all copies together
  std::uint64_t disk_reserve_bytes = 0;
};

class CopyFiles final : public ports::CopyStore {
 public:
  static constexpr std::size_t calls_max = 16;

  CopyFiles(ports::Executor& executor, Options options, ports::Counter* refused = nullptr);
  ~CopyFiles() override;

  void check_room(std::uint64_t bytes, Stored done) override;
  void put(ports::RecordsCopy copy, stdx::Bytes bytes, Stored done) override;
  void get(const std::string& sha256, Done<stdx::Bytes> done) override;
  std::vector<ports::RecordsCopy> list() const override;

 private:
  class Folder;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace adapters::copy_files
