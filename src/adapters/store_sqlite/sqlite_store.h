// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Store in one SQLite file, on one I/O thread. Every change is one BEGIN IMMEDIATE
// transaction that is on disk (synchronous=FULL) before it is answered; the term is read inside it
// (P7).

#include <memory>
#include <string>

#include "ports/executor.h"
#include "ports/metrics.h"
#include "ports/store.h"

namespace adapters::store_sqlite {

class SqliteStore final : public ports::Store {
 public:
  // Calls that wait; further ones answer Code::full at once and are counted in `refused`, which
  // outlives the store.
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
  void read_since(std::uint64_t revision, Done<Snapshot> done) override;

 private:
  struct Impl;
  explicit SqliteStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace adapters::store_sqlite
