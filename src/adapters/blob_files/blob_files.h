// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::BlobStore as files of one folder, each named by its SHA-256. Everything that touches the
// disk happens on a thread of its own; `has` and `list` answer from an index in memory. Several
// processes of a zhost may share the folder: a file appears whole or not at all.
//
// The index is read at construction and follows this object's own puts, gets and removals at once.
// What another process changes is found when `list`, or a `has` that finds nothing, makes the
// thread look at the folder again: the call after that knows it.

#include <memory>
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
  // Gone from the index at once; where the disk refuses, it is listed again.
  void remove(const std::string& sha256) override;
  std::vector<std::string> list() const override;

 private:
  struct Worker;
  class Folder;
  void look_again() const;

  std::shared_ptr<Folder> folder_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace adapters::blob_files
