// SPDX-License-Identifier: Apache-2.0
#include "adapters/store_postgres/postgres_store.h"

#include <atomic>

#include "adapters/posix/worker.h"
#include "adapters/store_postgres/connection.h"
#include "stdx/text.h"

namespace adapters::store_postgres {

using ports::RecordChange;
using ports::TermRow;
using stdx::Code;
using Mode = Connection::Mode;

namespace {

// The lock keeps two programs from making the tables at once. A deleted row stays, without value,
// so that read_since can tell of it. COLLATE "C": sorted by bytes, as the other stores do.
constexpr const char* schema =
    "SELECT pg_advisory_xact_lock(7361001);"
    "CREATE TABLE IF NOT EXISTS samoza_term (one INT PRIMARY KEY CHECK (one = 1), term BIGINT NOT "
    "NULL, holder TEXT NOT NULL, version BIGINT NOT NULL);"
    "INSERT INTO samoza_term VALUES (1, 0, '', 0) ON CONFLICT DO NOTHING;"
    "CREATE TABLE IF NOT EXISTS samoza_counter (one INT PRIMARY KEY CHECK (one = 1), revision "
    "BIGINT NOT NULL);"
    "INSERT INTO samoza_counter VALUES (1, 0) ON CONFLICT DO NOTHING;"
    "CREATE TABLE IF NOT EXISTS samoza_records (kind TEXT COLLATE \"C\" NOT NULL, key TEXT COLLATE "
    "\"C\" NOT NULL, version BIGINT NOT NULL, revision BIGINT NOT NULL, value BYTEA, "
    "PRIMARY KEY (kind, key));"
    "CREATE INDEX IF NOT EXISTS samoza_records_by_revision ON samoza_records (revision);"
    "CREATE INDEX IF NOT EXISTS samoza_records_deleted ON samoza_records (revision) WHERE value IS "
    "NULL;"
    // Deletions up to this revision are forgotten.
    "CREATE TABLE IF NOT EXISTS samoza_purged (one INT PRIMARY KEY CHECK (one = 1), revision "
    "BIGINT NOT NULL);"
    "INSERT INTO samoza_purged VALUES (1, 0) ON CONFLICT DO NOTHING;";

stdx::Result<TermRow> term_of(Connection& db, const char* lock) {
  const auto sql = stdx::format("SELECT term, holder, version FROM samoza_term {}", lock);
  TRY_ASSIGN(const auto rows, db.query(sql.c_str()));
  if (rows.size() != 1) return stdx::fail(Code::corrupt, "the term row is gone");
  return TermRow{rows.number(0, 0), rows.bytes(0, 1), rows.number(0, 2)};
}

stdx::Result<std::uint64_t> version_of(Connection& db, const RecordChange& change) {
  TRY_ASSIGN(const auto rows,
             db.query("SELECT version FROM samoza_records WHERE kind = $1 AND key = $2 AND value "
                      "IS NOT NULL",
                      {Text{change.kind}, Text{change.key}}));
  return rows.size() == 0 ? 0 : rows.number(0, 0);
}

// True: the row showed what was expected.
stdx::Result<bool> try_change(Connection& db, const RecordChange& change, std::uint64_t revision) {
  const Text kind{change.kind}, key{change.key};
  if (!change.value && change.expected_version == 0) {
    TRY_ASSIGN(const auto version, version_of(db, change));
    return version == 0;
  }
  if (!change.value) {
    TRY_ASSIGN(const auto rows,
               db.query("UPDATE samoza_records SET value = NULL, revision = $3 WHERE kind = $1 AND "
                        "key = $2 AND version = $4 AND value IS NOT NULL",
                        {kind, key, revision, change.expected_version}));
    return rows.changed() == 1;
  }
  const stdx::BytesView value(*change.value);
  if (change.expected_version == 0) {
    TRY_ASSIGN(const auto rows,
               db.query("INSERT INTO samoza_records AS r VALUES ($1, $2, 1, $3, $4) ON CONFLICT "
                        "(kind, key) DO UPDATE SET version = 1, revision = $3, value = $4 "
                        "WHERE r.value IS NULL",
                        {kind, key, revision, value}));
    return rows.changed() == 1;
  }
  TRY_ASSIGN(const auto rows,
             db.query("UPDATE samoza_records SET version = version + 1, revision = $3, value = $4 "
                      "WHERE kind = $1 AND key = $2 AND version = $5 AND value IS NOT NULL",
                      {kind, key, revision, value, change.expected_version}));
  return rows.changed() == 1;
}

stdx::Status change_one(Connection& db, const RecordChange& change, std::uint64_t revision) {
  TRY_ASSIGN(const bool changed, try_change(db, change, revision));
  if (changed) return {};
  TRY_ASSIGN(const auto version, version_of(db, change));
  TRY(ports::check_version(change, version));
  return stdx::fail(Code::conflict,
                    stdx::format("{} '{}' was changed by another", change.kind, change.key));
}

// Not with each commit, since it counts. A reader that is further back reads everything anew.
stdx::Status purge(Connection& db, std::uint64_t revision) {
  if (revision % 64 != 0) return {};
  TRY_ASSIGN(const auto oldest,
             db.query("SELECT revision FROM samoza_records WHERE value IS NULL ORDER BY revision "
                      "DESC LIMIT 1 OFFSET $1",
                      {std::uint64_t{ports::Store::deleted_max}}));
  if (oldest.size() == 0) return {};
  const auto last = oldest.number(0, 0);
  TRY(db.query("DELETE FROM samoza_records WHERE value IS NULL AND revision <= $1", {last}));
  TRY(db.query("UPDATE samoza_purged SET revision = $1", {last}));
  return {};
}

stdx::Result<ports::Store::Committed> commit_in(Connection& db, std::optional<std::uint64_t> term,
                                                const std::vector<RecordChange>& changes) {
  TRY(ports::check_batch(changes));
  ports::Store::Committed committed;
  TRY(db.transaction(Mode::changes, [&]() -> stdx::Status {
    if (term) {
      TRY_ASSIGN(const auto row, term_of(db, "FOR SHARE"));
      TRY(ports::check_term(*term, row));
    }
    TRY_ASSIGN(const auto counter, db.query("UPDATE samoza_counter SET revision = revision + 1 "
                                            "RETURNING revision"));
    if (counter.size() != 1) return stdx::fail(Code::corrupt, "the counter row is gone");
    committed.revision = counter.number(0, 0);
    for (const auto& change : changes) TRY(change_one(db, change, committed.revision));
    return purge(db, committed.revision);
  }));
  return committed;
}

stdx::Result<TermRow> cas_term_in(Connection& db, std::uint64_t expected_version,
                                  std::uint64_t next_term, const std::string& next_holder) {
  TermRow next;
  TRY(db.transaction(Mode::changes, [&]() -> stdx::Status {
    TRY_ASSIGN(const auto row, term_of(db, "FOR UPDATE"));
    TRY_ASSIGN(next, ports::next_term_row(row, expected_version, next_term, next_holder));
    TRY(db.query("UPDATE samoza_term SET term = $1, holder = $2, version = $3",
                 {next.term, Text{next.holder}, next.version}));
    return {};
  }));
  return next;
}

stdx::Result<TermRow> read_term_in(Connection& db) {
  TermRow row;
  TRY(db.transaction(Mode::reads, [&]() -> stdx::Status {
    TRY_ASSIGN(row, term_of(db, ""));
    return {};
  }));
  return row;
}

stdx::Result<std::uint64_t> number_of(Connection& db, const char* sql) {
  TRY_ASSIGN(const auto rows, db.query(sql));
  if (rows.size() != 1) return stdx::fail(Code::corrupt, std::string("no row: ") + sql);
  return rows.number(0, 0);
}

// As many rows at a time as certainly fit the memory, until the page is full.
stdx::Status read_rows(Connection& db, const ports::Store::Page& page, std::uint64_t since,
                       ports::Store::Snapshot& snapshot) {
  auto after = page.after.value_or(ports::Store::Key());
  for (std::size_t bytes = 0;;) {
    TRY_ASSIGN(const auto rows,
               db.query("SELECT kind, key, version, value FROM samoza_records WHERE (kind, key) > "
                        "($1, $2) AND revision > $3 AND value IS NOT NULL ORDER BY kind, key "
                        "LIMIT 200",
                        {Text{after.first}, Text{after.second}, since}));
    for (int i = 0; i < rows.size(); ++i) {
      if (bytes >= page.bytes_max) {
        snapshot.more = true;
        return {};
      }
      auto& record = snapshot.records.emplace_back(
          ports::Record{rows.bytes(i, 0), rows.bytes(i, 1), rows.number(i, 2), rows.bytes(i, 3)});
      bytes += record.kind.size() + record.key.size() + record.value.size();
    }
    if (rows.size() < 200) return {};
    after = {snapshot.records.back().kind, snapshot.records.back().key};
  }
}

stdx::Result<ports::Store::Snapshot> read_in(Connection& db, const ports::Store::Page& page) {
  ports::Store::Snapshot snapshot;
  TRY(db.transaction(Mode::reads, [&]() -> stdx::Status {
    TRY_ASSIGN(snapshot.term, term_of(db, ""));
    TRY_ASSIGN(snapshot.revision, number_of(db, "SELECT revision FROM samoza_counter"));
    TRY_ASSIGN(const auto purged, number_of(db, "SELECT revision FROM samoza_purged"));
    snapshot.whole = page.revision > 0 && page.revision < purged;
    const auto since = snapshot.whole ? 0 : page.revision;
    TRY(read_rows(db, page, since, snapshot));
    if (since == 0 || page.after) return {};
    TRY_ASSIGN(const auto gone, db.query("SELECT kind, key FROM samoza_records WHERE value IS NULL "
                                         "AND revision > $1 ORDER BY kind, key",
                                         {since}));
    for (int i = 0; i < gone.size(); ++i)
      snapshot.deleted.emplace_back(gone.bytes(i, 0), gone.bytes(i, 1));
    return {};
  }));
  return snapshot;
}

}  // namespace

struct PostgresStore::Impl {
  // A connection and the thread that uses it.
  struct Lane {
    Connection connection;
    posix::Worker worker;  // last: its jobs end before the connection goes
    Lane(const std::string& conninfo, ports::Counter& refused)
        : connection(conninfo, schema), worker(calls_max, &refused) {}
  };
  ports::Executor& executor;
  ports::Counter own_refused;
  ports::Counter& refused;
  Lane bulk, lease;

  Impl(ports::Executor& e, const std::string& conninfo, ports::Counter* counter)
      : executor(e),
        refused(counter == nullptr ? own_refused : *counter),
        bulk(conninfo, refused),
        lease(conninfo, refused) {}

  template <typename T>
  void answer(Done<T> done, stdx::Result<T> result) {
    executor.post([done = std::move(done), result = std::move(result)] { done(result); });
  }
  template <typename T>
  void run(Lane& lane, Done<T> done, std::move_only_function<stdx::Result<T>(Connection&)> work) {
    const bool taken = lane.worker.post([this, &lane, done, work = std::move(work)]() mutable {
      auto result = work(lane.connection);
      answer<T>(std::move(done), std::move(result));
    });
    if (!taken)
      answer<T>(
          std::move(done),
          stdx::fail(Code::full, stdx::format("{} calls wait for PostgreSQL already", calls_max)));
  }
};

PostgresStore::PostgresStore(ports::Executor& executor, std::string conninfo,
                             ports::Counter* refused)
    : impl_(std::make_unique<Impl>(executor, conninfo, refused)) {}
PostgresStore::~PostgresStore() = default;

std::uint64_t PostgresStore::refused() const {
  return impl_->refused.value();
}

void PostgresStore::read_term(Done<TermRow> done) {
  impl_->run<TermRow>(impl_->lease, std::move(done), read_term_in);
}

void PostgresStore::cas_term(std::uint64_t expected_version, std::uint64_t next_term,
                             std::string next_holder, Done<TermRow> done) {
  impl_->run<TermRow>(
      impl_->lease, std::move(done),
      [expected_version, next_term, holder = std::move(next_holder)](Connection& db) {
        return cas_term_in(db, expected_version, next_term, holder);
      });
}

void PostgresStore::commit(std::optional<std::uint64_t> term, std::vector<RecordChange> changes,
                           Done<Committed> done) {
  impl_->run<Committed>(impl_->bulk, std::move(done),
                        [term, changes = std::move(changes)](Connection& db) {
                          return commit_in(db, term, changes);
                        });
}

void PostgresStore::read_page(Page page, Done<Snapshot> done) {
  impl_->run<Snapshot>(impl_->bulk, std::move(done),
                       [page = std::move(page)](Connection& db) { return read_in(db, page); });
}

}  // namespace adapters::store_postgres
