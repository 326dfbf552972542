// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Store in one SQLite file. Every change is one BEGIN IMMEDIATE transaction that is on disk
// (synchronous=FULL) before it is answered; the term is read inside it (P7).
//
// Two connections, each with an I/O thread: one for the term row, one for records. So a renewal
// waits for the transaction that runs, and never for those that wait behind it.
//
// A file whose pages cannot all be read is opened all the same: every call answers Code::corrupt
// with what to do about it, and a copy can be put back.

#include <memory>
#include <string>

#include "ports/executor.h"
#include "ports/metrics.h"
#include "ports/store.h"

namespace adapters::store_sqlite {

// A copy with the records of a snapshot, for a store that is no file: one that is put in the place
// of this one goes on where that one was.
stdx::Result<ports::Store::Copy> copy_with(const ports::Store::Snapshot& records);

class SqliteStore final : public ports::Store {
 public:
  // Calls that wait for one of the connections; further ones answer Code::full at once and are
  // counted in `refused`, which outlives the store.
  static constexpr std::size_t calls_max = 1024;

  static stdx::Result<std::unique_ptr<SqliteStore>> open(ports::Executor& executor,
                                                         const std::string& path,
                                                         ports::Counter* refused = nullptr);
  ~SqliteStore() override;

  void read_term(Done<ports::TermRow> done) override;
  void cas_term(std::uint64_t expected_version, std::uint64_t next_term, std::string next_holder,
                Done<ports::TermRow> done) override;
  void commit(std::optional<std::uint64_t> term, std::vector<ports::RecordChange> changes,
              Done<Committed> done) override;
  void read_page(Page page, Done<Snapshot> done) override;
  void backup(std::string path, Done<std::uint64_t> done) override;
  void restore(std::string path, Done<std::string> done) override;
  void copy(Done<Copy> done) override;
  void restore_copy(Copy copy, Done<std::string> done) override;

 private:
  struct Impl;
  explicit SqliteStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace adapters::store_sqlite
