// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Store in memory: for tests and the simulator. A Database is the machine's disk: it
// outlives the process and may be shared by several control planes; a MemoryStore is one process's
// connection to it and lives on that process's loop. Answers come after `latency`, never from
// inside the call. Nothing survives the Database object.

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "ports/executor.h"
#include "ports/store.h"

namespace adapters::store_memory {

// What becomes of one call; given by the simulator.
enum class Fault {
  none,
  unavailable,      // refused, not carried out
  unknown_lost,     // Code::unknown, not carried out
  unknown_applied,  // Code::unknown, carried out
};

class Database {
 public:
  std::function<Fault()> fault;
  // While set, reads find no records but members and lineage: the rest was deleted (P13).
  bool emptied = false;
  // While set, calls are not answered; they are carried out when it ends.
  bool stalled = false;

  stdx::Result<ports::TermRow> cas_term(std::uint64_t expected_version, std::uint64_t next_term,
                                        std::string next_holder);
  stdx::Result<ports::Store::Committed> commit(std::optional<std::uint64_t> term,
                                               const std::vector<ports::RecordChange>& changes);
  ports::Store::Snapshot read_page(const ports::Store::Page& page) const;
  const ports::TermRow& term() const { return now_.term; }
  std::uint64_t revision() const { return now_.revision; }

  using Key = std::pair<std::string, std::string>;
  struct Row {
    std::uint64_t version = 0, revision = 0;
    stdx::Bytes value;
  };
  struct Content {
    ports::TermRow term;
    std::uint64_t revision = 0;
    std::map<Key, Row> rows;
    std::map<Key, std::uint64_t> deleted;  // revision of the delete
    std::uint64_t purged = 0;              // deletions up to this revision are forgotten
  };
  // A copy of it, and another one in its place: a backup that is put back, a disk that lost what
  // came last, an empty file.
  Content copy() const { return now_; }
  void put(Content content) { now_ = std::move(content); }

 private:
  stdx::Status check(const ports::RecordChange& change) const;
  void purge();

  Content now_;
};

class MemoryStore final : public ports::Store {
 public:
  // How a copy of the records is made: it is a file for another store, this one has none.
  using Encode = std::function<stdx::Result<Copy>(const Snapshot&)>;

  MemoryStore(ports::Executor& executor, Database& database,
              stdx::Duration latency = std::chrono::milliseconds(1), Encode encode = {})
      : executor_(executor), database_(database), latency_(latency), encode_(std::move(encode)) {}

  void read_term(Done<ports::TermRow> done) override;
  void cas_term(std::uint64_t expected_version, std::uint64_t next_term, std::string next_holder,
                Done<ports::TermRow> done) override;
  void commit(std::optional<std::uint64_t> term, std::vector<ports::RecordChange> changes,
              Done<Committed> done) override;
  void read_page(Page page, Done<Snapshot> done) override;
  void copy(Done<Copy> done) override;
  void restore(std::string path, Done<std::string> done) override;
  void restore_copy(Copy copy, Done<std::string> done) override;

 private:
  template <typename T>
  void run(std::function<stdx::Result<T>()> what, Done<T> done);

  ports::Executor& executor_;
  Database& database_;
  stdx::Duration latency_;
  Encode encode_;
};

}  // namespace adapters::store_memory
