// SPDX-License-Identifier: Apache-2.0
#pragma once

// The control plane's database: one term row, and records with versions, changed in transactions
// that check the term first. Implemented over memory, SQLite and PostgreSQL; one contract suite
// (adapters/testing/store_contract) runs against all three.
//
// Asynchronous: every call answers once through `done`, on the service's loop. Rules P6 and P7 of
// docs/protocol.md rest on what is promised here.

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace ports {

struct TermRow {
  std::uint64_t term = 0;     // 0: nobody ever held it
  std::string holder;         // opaque to the store
  std::uint64_t version = 0;  // grows by one with each change of this row
  bool operator==(const TermRow&) const = default;
};

struct Record {
  std::string kind, key;
  std::uint64_t version = 0;  // 1 after the insert, then one more with each change
  stdx::Bytes value;
  bool operator==(const Record&) const = default;
};

struct RecordChange {
  std::string kind, key;
  // What the row must show now; 0: it must not exist.
  std::uint64_t expected_version = 0;
  // Absent: delete the row.
  std::optional<stdx::Bytes> value;
};

class Store {
 public:
  static constexpr std::size_t batch_changes_max = 1000;
  static constexpr std::size_t value_bytes_max = 3u << 20;

  template <typename T>
  using Done = std::function<void(stdx::Result<T>)>;

  virtual ~Store() = default;

  virtual void read_term(Done<TermRow> done) = 0;

  // Puts `next` in place if the row's version is `expected_version`; the new row has version
  // expected_version + 1. Code::conflict: another version is there. Code::unknown: the database
  // went away in between. Code::invalid: `next_term` is lower than the row's term (P6).
  virtual void cas_term(std::uint64_t expected_version, std::uint64_t next_term,
                        std::string next_holder, Done<TermRow> done) = 0;

  struct Committed {
    std::uint64_t revision = 0;  // grows with each commit; what `read_since` counts in
  };
  // All changes or none; check_batch says what a batch may hold. With `term`, the term row is
  // locked and must show exactly that term (Code::stale otherwise). Code::conflict: a row's version
  // differs; the message names it. Code::unknown: read the rows again before anything else is done
  // about them (P7).
  virtual void commit(std::optional<std::uint64_t> term, std::vector<RecordChange> changes,
                      Done<Committed> done) = 0;

  using Key = std::pair<std::string, std::string>;  // kind, key
  struct Snapshot {
    std::uint64_t revision = 0;
    TermRow term;
    std::vector<Record> records;  // sorted by (kind, key)
    std::vector<Key> deleted;     // since the revision, in the first page
    bool more = false;            // the page is full
    // What was deleted since the revision is not known any more: this is everything there is, and
    // what is not in it is gone.
    bool whole = false;
  };
  struct Page {
    std::uint64_t revision = 0;  // what changed after it; 0: everything
    std::optional<Key> after;    // the last record of the page before
    std::size_t bytes_max = std::numeric_limits<std::size_t>::max();  // it ends past this
  };
  // One page, from one consistent state; the database reads no more than that.
  virtual void read_page(Page page, Done<Snapshot> done) = 0;
  // Everything that changed after `revision`; 0 reads all there is.
  void read_since(std::uint64_t revision, Done<Snapshot> done) {
    read_page({.revision = revision}, std::move(done));
  }

  // Deleted rows are remembered, so that read_page can tell of them: the newest ones, and older
  // ones go in steps of deleted_step.
  static constexpr std::size_t deleted_max = 10'000, deleted_step = 1'000;

  // A consistent copy of everything, made as a new file on the store's machine; answers its bytes.
  // `restore` checks such a file and puts it where the next start takes it from; answers where the
  // database that is in use will be kept then. Code::unsupported where the database has tools of
  // its own for that.
  virtual void backup(std::string path, Done<std::uint64_t> done);
  virtual void restore(std::string path, Done<std::string> done);

  // The same as bytes, which other zhosts keep. Takes no room on the store's disk. Code::full: it
  // would have more than copy_bytes_max.
  struct Copy {
    stdx::Bytes bytes;
    std::string sha256;  // lower-case hex
  };
  static constexpr std::size_t copy_bytes_max = 256u << 20;
  virtual void copy(Done<Copy> done);
  // As restore. Code::corrupt: the bytes have another hash.
  virtual void restore_copy(Copy copy, Done<std::string> done);
};

// The rules of the contract that need no database, so that every store has the same ones.
// Code::full: more than batch_changes_max. Code::invalid: a row twice, a value over
// value_bytes_max, a zero byte in a kind or key.
stdx::Status check_batch(const std::vector<RecordChange>& changes);
stdx::Result<TermRow> next_term_row(const TermRow& now, std::uint64_t expected_version,
                                    std::uint64_t next_term, std::string next_holder);
// `version`: what the row shows now, 0 if it does not exist.
stdx::Status check_version(const RecordChange& change, std::uint64_t version);
stdx::Status check_term(std::uint64_t wanted, const TermRow& now);

}  // namespace ports
