// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::BlobStore as files of one folder, each named by its SHA-256. Reading, writing, hashing and
// fsync happen on a thread of its own. Several processes of a zhost may share the folder: a file
// appears whole or not at all.

#include <memory>

#include "ports/blob_store.h"
#include "ports/executor.h"

namespace adapters::blob_files {

class BlobFiles final : public ports::BlobStore {
 public:
  BlobFiles(ports::Executor& executor, std::string folder);
  ~BlobFiles() override;

  void put(stdx::Bytes blob, Done<std::string> done) override;
  void get(const std::string& sha256, Done<stdx::Bytes> done) override;
  bool has(const std::string& sha256) const override;
  stdx::Status remove(const std::string& sha256) override;
  std::vector<std::string> list() const override;

 private:
  struct Worker;
  std::string folder_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace adapters::blob_files
