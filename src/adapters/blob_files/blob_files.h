// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::BlobStore as files of one folder, each named by its SHA-256. Reading, writing, hashing and
// fsync happen on a thread of its own. Several processes of a zhost may share the folder: a file
// appears whole or not at all.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ports/blob_store.h"
#include "ports/executor.h"
#include "ports/metrics.h"

namespace adapters::blob_files {

class BlobFiles final : public ports::BlobStore {
 public:
  // Calls that wait; an archive is up to 256 MiB. Further ones answer Code::full and are counted.
  static constexpr std::size_t calls_max = 64;

  BlobFiles(ports::Executor& executor, std::string folder, ports::Counter* refused = nullptr);
  ~BlobFiles() override;

  void put(stdx::Bytes blob, Done<std::string> done) override;
  void put_as(const std::string& sha256, stdx::Bytes blob, Done<std::string> done) override;
  void get(const std::string& sha256, Done<stdx::Bytes> done) override;
  bool has(const std::string& sha256) const override;
  stdx::Status remove(const std::string& sha256) override;
  std::vector<std::string> list() const override;

 private:
  struct Worker;
  std::string folder_;
  std::unique_ptr<Worker> worker_;
  // The newest walk of the folder, for `list`.
  mutable std::optional<std::filesystem::file_time_type> walked_at_;
  mutable std::filesystem::file_time_type seen_change_;
  mutable std::vector<std::string> listed_;
};

}  // namespace adapters::blob_files
