// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Store in a PostgreSQL database, over two connections, each with an I/O thread: one for the
// term row, one for records, so that a renewal never waits behind records that are queued. Every
// change is one transaction that holds the term row (FOR SHARE) to its end, so no leader changes
// under it (P7).
// Commits are in line (they lock one counter row): revisions grow in the order of the commits.
//
// The database may be away at any time: calls then answer Code::unavailable, and each call tries to
// connect again. A connection lost while a COMMIT is under way answers Code::unknown. At most
// calls_max calls wait for a connection; further ones answer Code::full at once. Destroy it on the
// executor's loop; calls that still wait then are not answered.

#include <memory>
#include <string>

#include "ports/executor.h"
#include "ports/metrics.h"
#include "ports/store.h"

namespace adapters::store_postgres {

class PostgresStore final : public ports::Store {
 public:
  static constexpr std::size_t calls_max = 1024;

  // `conninfo` as libpq knows it: "host=/run/postgresql dbname=samoza". Does not connect yet.
  // `refused` counts calls refused at the bound, for /metrics; it outlives the store.
  PostgresStore(ports::Executor& executor, std::string conninfo, ports::Counter* refused = nullptr);
  ~PostgresStore() override;

  void read_term(Done<ports::TermRow> done) override;
  void cas_term(std::uint64_t expected_version, std::uint64_t next_term, std::string next_holder,
                Done<ports::TermRow> done) override;
  void commit(std::optional<std::uint64_t> term, std::vector<ports::RecordChange> changes,
              Done<Committed> done) override;
  void read_page(Page page, Done<Snapshot> done) override;

  // Calls refused because calls_max were waiting.
  std::uint64_t refused() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace adapters::store_postgres
