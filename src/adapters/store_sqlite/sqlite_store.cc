// SPDX-License-Identifier: Apache-2.0
#include "adapters/store_sqlite/sqlite_store.h"

#include "adapters/posix/worker.h"
#include "adapters/sqlite/database.h"
#include "stdx/text.h"

namespace adapters::store_sqlite {

using ports::RecordChange;
using ports::TermRow;
using sqlite::Database;
using stdx::Code;

namespace {

constexpr const char* schema[] = {
    "CREATE TABLE IF NOT EXISTS term (one INTEGER PRIMARY KEY CHECK (one = 1), term INTEGER NOT "
    "NULL, "
    "holder TEXT NOT NULL, version INTEGER NOT NULL)",
    "INSERT OR IGNORE INTO term VALUES (1, 0, '', 0)",
    "CREATE TABLE IF NOT EXISTS counter (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER "
    "NOT "
    "NULL)",
    "INSERT OR IGNORE INTO counter VALUES (1, 0)",
    // A deleted row stays, without value, so that read_since can tell of it.
    "CREATE TABLE IF NOT EXISTS records (kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER "
    "NOT "
    "NULL, revision INTEGER NOT NULL, value BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS records_by_revision ON records (revision)"};

stdx::Result<TermRow> term_of(Database& db) {
  TRY_ASSIGN(auto select, db.prepare("SELECT term, holder, version FROM term"));
  TRY_ASSIGN(const bool row, select.step());
  if (!row) return stdx::fail(Code::corrupt, "the term row is gone");
  return TermRow{select.integer(0), select.text(1), select.integer(2)};
}

stdx::Status change_one(Database& db, const RecordChange& change, std::uint64_t revision) {
  TRY_ASSIGN(
      auto select,
      db.prepare("SELECT version FROM records WHERE kind = ? AND key = ? AND value IS NOT NULL"));
  TRY_ASSIGN(const bool there, select.bind_text(change.kind).bind_text(change.key).step());
  const auto version = there ? select.integer(0) : 0;
  TRY(ports::check_version(change, version));
  if (change.value) {
    TRY_ASSIGN(auto put, db.prepare("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)"));
    TRY(put.bind_text(change.kind)
            .bind_text(change.key)
            .bind(version + 1)
            .bind(revision)
            .bind(stdx::BytesView(*change.value))
            .step());
  } else {
    TRY_ASSIGN(
        auto drop,
        db.prepare("UPDATE records SET value = NULL, revision = ? WHERE kind = ? AND key = ?"));
    TRY(drop.bind(revision).bind_text(change.kind).bind_text(change.key).step());
  }
  return {};
}

stdx::Result<ports::Store::Committed> commit_in(Database& db, std::optional<std::uint64_t> term,
                                                const std::vector<RecordChange>& changes) {
  TRY(ports::check_batch(changes));
  ports::Store::Committed committed;
  TRY(db.transaction([&]() -> stdx::Status {
    if (term) {
      TRY_ASSIGN(const auto row, term_of(db));
      TRY(ports::check_term(*term, row));
    }
    TRY(db.run("UPDATE counter SET revision = revision + 1"));
    TRY_ASSIGN(auto select, db.prepare("SELECT revision FROM counter"));
    TRY(select.step());
    committed.revision = select.integer(0);
    for (const auto& change : changes) TRY(change_one(db, change, committed.revision));
    return {};
  }));
  return committed;
}

stdx::Result<TermRow> cas_term_in(Database& db, std::uint64_t expected_version,
                                  std::uint64_t next_term, const std::string& next_holder) {
  TermRow row;
  TRY(db.transaction([&]() -> stdx::Status {
    TRY_ASSIGN(const auto now, term_of(db));
    TRY_ASSIGN(row, ports::next_term_row(now, expected_version, next_term, next_holder));
    TRY_ASSIGN(auto update, db.prepare("UPDATE term SET term = ?, holder = ?, version = ?"));
    TRY(update.bind(row.term).bind_text(row.holder).bind(row.version).step());
    return {};
  }));
  return row;
}

stdx::Result<ports::Store::Snapshot> read_in(Database& db, std::uint64_t from) {
  ports::Store::Snapshot snapshot;
  TRY(db.transaction([&]() -> stdx::Status {
    TRY_ASSIGN(snapshot.term, term_of(db));
    TRY_ASSIGN(auto counter, db.prepare("SELECT revision FROM counter"));
    TRY(counter.step());
    snapshot.revision = counter.integer(0);
    TRY_ASSIGN(auto select,
               db.prepare("SELECT kind, key, version, value, value IS NULL FROM records "
                          "WHERE revision > ? ORDER BY kind, key"));
    select.bind(from);
    for (;;) {
      TRY_ASSIGN(const bool row, select.step());
      if (!row) return {};
      if (select.integer(4) == 0)
        snapshot.records.push_back(
            {select.text(0), select.text(1), select.integer(2), select.blob(3)});
      else if (from > 0)
        snapshot.deleted.emplace_back(select.text(0), select.text(1));
    }
  }));
  return snapshot;
}

}  // namespace

struct SqliteStore::Impl {
  ports::Executor& executor;
  std::unique_ptr<Database> database;
  posix::Worker worker;  // last: its jobs end before the database goes

  Impl(ports::Executor& e, std::unique_ptr<Database> db, ports::Counter* refused)
      : executor(e), database(std::move(db)), worker(calls_max, refused) {}

  template <typename T>
  void run(Done<T> done, std::move_only_function<stdx::Result<T>(Database&)> work) {
    const bool taken = worker.post([this, done, work = std::move(work)]() mutable {
      auto result = work(*database);
      executor.post([done = std::move(done), result = std::move(result)] { done(result); });
    });
    if (taken) return;
    executor.post([done = std::move(done)] {
      done(stdx::fail(stdx::Code::full,
                      stdx::format("{} calls wait for the database already", calls_max)));
    });
  }
};

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SqliteStore::~SqliteStore() = default;

stdx::Result<std::unique_ptr<SqliteStore>> SqliteStore::open(ports::Executor& executor,
                                                             const std::string& path,
                                                             ports::Counter* refused) {
  TRY_ASSIGN(auto database, Database::open(path));
  for (const char* statement : schema) TRY(database->run(statement));
  return std::unique_ptr<SqliteStore>(
      new SqliteStore(std::make_unique<Impl>(executor, std::move(database), refused)));
}

void SqliteStore::read_term(Done<TermRow> done) {
  impl_->run<TermRow>(std::move(done), term_of);
}

void SqliteStore::cas_term(std::uint64_t expected_version, std::uint64_t next_term,
                           std::string next_holder, Done<TermRow> done) {
  impl_->run<TermRow>(std::move(done),
                      [expected_version, next_term, holder = std::move(next_holder)](Database& db) {
                        return cas_term_in(db, expected_version, next_term, holder);
                      });
}

void SqliteStore::commit(std::optional<std::uint64_t> term, std::vector<RecordChange> changes,
                         Done<Committed> done) {
  impl_->run<Committed>(std::move(done), [term, changes = std::move(changes)](Database& db) {
    return commit_in(db, term, changes);
  });
}

void SqliteStore::read_since(std::uint64_t revision, Done<Snapshot> done) {
  impl_->run<Snapshot>(std::move(done), [revision](Database& db) { return read_in(db, revision); });
}

}  // namespace adapters::store_sqlite
