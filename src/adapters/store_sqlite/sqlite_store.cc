// SPDX-License-Identifier: Apache-2.0
#include "adapters/store_sqlite/sqlite_store.h"

#include <condition_variable>
#include <mutex>

#include "adapters/posix/worker.h"
#include "adapters/sqlite/database.h"
#include "adapters/store_sqlite/copies.h"
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
    "CREATE INDEX IF NOT EXISTS records_by_revision ON records (revision)",
    "CREATE INDEX IF NOT EXISTS records_deleted ON records (revision) WHERE value IS NULL",
    // Deletions up to this revision are forgotten.
    "CREATE TABLE IF NOT EXISTS purged (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER "
    "NOT NULL)",
    "INSERT OR IGNORE INTO purged VALUES (1, 0)"};

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

// Not with each commit, since it counts. A reader that is further back reads everything anew.
stdx::Status purge(Database& db, std::uint64_t revision) {
  if (revision % 64 != 0) return {};
  TRY_ASSIGN(auto oldest, db.prepare("SELECT revision FROM records WHERE value IS NULL "
                                     "ORDER BY revision DESC LIMIT 1 OFFSET ?"));
  TRY_ASSIGN(const bool full, oldest.bind(std::uint64_t{ports::Store::deleted_max}).step());
  if (!full) return {};
  const auto last = oldest.integer(0);
  TRY_ASSIGN(auto drop, db.prepare("DELETE FROM records WHERE value IS NULL AND revision <= ?"));
  TRY(drop.bind(last).step());
  TRY_ASSIGN(auto note, db.prepare("UPDATE purged SET revision = ?"));
  TRY(note.bind(last).step());
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
    return purge(db, committed.revision);
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

stdx::Result<std::uint64_t> number_of(Database& db, const char* sql) {
  TRY_ASSIGN(auto select, db.prepare(sql));
  TRY_ASSIGN(const bool row, select.step());
  if (!row) return stdx::fail(Code::corrupt, std::string("no row: ") + sql);
  return select.integer(0);
}

stdx::Status read_rows(Database& db, const ports::Store::Page& page, std::uint64_t since,
                       ports::Store::Snapshot& snapshot) {
  TRY_ASSIGN(auto select, db.prepare("SELECT kind, key, version, value FROM records WHERE (kind, "
                                     "key) > (?, ?) AND revision > ? AND value IS NOT NULL "
                                     "ORDER BY kind, key"));
  const auto [kind, key] = page.after.value_or(ports::Store::Key());
  select.bind_text(kind).bind_text(key).bind(since);
  for (std::size_t bytes = 0;;) {
    TRY_ASSIGN(const bool row, select.step());
    if (!row) return {};
    if (bytes >= page.bytes_max) {
      snapshot.more = true;
      return {};
    }
    auto& record = snapshot.records.emplace_back(
        ports::Record{select.text(0), select.text(1), select.integer(2), select.blob(3)});
    bytes += record.kind.size() + record.key.size() + record.value.size();
  }
}

stdx::Result<ports::Store::Snapshot> read_in(Database& db, const ports::Store::Page& page) {
  ports::Store::Snapshot snapshot;
  TRY(db.transaction([&]() -> stdx::Status {
    TRY_ASSIGN(snapshot.term, term_of(db));
    TRY_ASSIGN(snapshot.revision, number_of(db, "SELECT revision FROM counter"));
    TRY_ASSIGN(const auto purged, number_of(db, "SELECT revision FROM purged"));
    snapshot.whole = page.revision > 0 && page.revision < purged;
    const auto since = snapshot.whole ? 0 : page.revision;
    TRY(read_rows(db, page, since, snapshot));
    if (since == 0 || page.after) return {};
    TRY_ASSIGN(auto select, db.prepare("SELECT kind, key FROM records WHERE value IS NULL AND "
                                       "revision > ? ORDER BY kind, key"));
    select.bind(since);
    for (;;) {
      TRY_ASSIGN(const bool row, select.step());
      if (!row) return {};
      snapshot.deleted.emplace_back(select.text(0), select.text(1));
    }
  }));
  return snapshot;
}

}  // namespace

namespace {

// SQLite has one writer at a time and gives it to nobody in turn: a thread that commits without a
// pause would keep another one out. So a renewal goes next, before the records that wait.
class Turns {
 public:
  void enter(bool first) {
    std::unique_lock lock(mutex_);
    first_ += first;
    free_.wait(lock, [&] { return !taken_ && (first || first_ == 0); });
    first_ -= first;
    taken_ = true;
  }
  void leave() {
    {
      const std::lock_guard lock(mutex_);
      taken_ = false;
    }
    free_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  int first_ = 0;  // that wait to go first
  bool taken_ = false;
};

}  // namespace

namespace {

// For a person, who can do something about it.
stdx::Error damaged(const stdx::Error& error) {
  return {Code::corrupt,
          stdx::format("the records are damaged: {}. Nothing is placed, judged or admitted; what "
                       "runs runs on. Put a copy in place (`cluster copies` lists those of zhosts, "
                       "`cluster restore --from ZHOST` takes one); without a copy move the file "
                       "and its -wal away, end the control plane (it is started again) and run "
                       "`cluster recover`",
                       error.message)};
}

// Whether every page can be read; the values in them are their readers' matter.
stdx::Status check_pages(Database& db, const std::string& path) {
  TRY_ASSIGN(auto check, db.prepare("PRAGMA quick_check(1)"));
  TRY_ASSIGN(const bool row, check.step());
  if (row && check.text(0) == "ok") return {};
  return stdx::fail(Code::corrupt, path + ": " + check.text(0));
}

// Opens the file and makes what is missing in it.
stdx::Result<std::unique_ptr<Database>> open_checked(const std::string& path) {
  TRY_ASSIGN(auto database, Database::open(path));
  TRY(check_pages(*database, path));
  for (const char* statement : schema) TRY(database->run(statement));
  return database;
}

}  // namespace

struct SqliteStore::Impl {
  // A connection and the thread that uses it.
  struct Lane {
    std::unique_ptr<Database> database;
    posix::Worker worker;  // last: its jobs end before the database goes
    Lane(std::unique_ptr<Database> db, ports::Counter* refused)
        : database(std::move(db)), worker(calls_max, refused) {}
  };
  ports::Executor& executor;
  Turns turns;
  // Copies only read (SQLite's WAL lets them, beside writers) and take seconds: they take no turns,
  // and a bad disk under the copy is an error, not the end of the control plane.
  Lane bulk, lease, copies;
  std::string path;
  stdx::Error
      damage;  // with a message: the file cannot be used, and everything but a restore fails

  Impl(ports::Executor& e, std::unique_ptr<Database> for_bulk, std::unique_ptr<Database> for_lease,
       std::unique_ptr<Database> for_copies, std::string file, ports::Counter* refused)
      : executor(e),
        bulk(std::move(for_bulk), refused),
        lease(std::move(for_lease), refused),
        copies(std::move(for_copies), refused),
        path(std::move(file)) {}

  template <typename T>
  void run(Lane& lane, Done<T> done, std::move_only_function<stdx::Result<T>(Database&)> work) {
    if (!damage.message.empty()) {
      executor.post([done = std::move(done), damage = damage] { done(std::unexpected(damage)); });
      return;
    }
    post<T>(lane, std::move(done), [this, &lane, work = std::move(work)]() mutable {
      const bool takes_turns = &lane != &copies;
      if (takes_turns) turns.enter(&lane == &lease);
      auto result = work(*lane.database);
      if (takes_turns) turns.leave();
      if (!result && result.error().code == Code::corrupt)
        result = std::unexpected(damaged(result.error()));
      return result;
    });
  }

  template <typename T>
  void post(Lane& lane, Done<T> done, std::move_only_function<stdx::Result<T>()> work) {
    const bool taken = lane.worker.post([this, done, work = std::move(work)]() mutable {
      auto result = work();
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
  TRY(take_restored(path));
  auto database = open_checked(path);
  if (!database && database.error().code != Code::corrupt) return std::unexpected(database.error());
  std::unique_ptr<Database> for_bulk, for_lease, for_copies;
  if (database) {
    for_bulk = std::move(*database);
    TRY_ASSIGN(for_lease, Database::open(path));
    TRY_ASSIGN(for_copies, Database::open(path, {.exit_on_bad_disk = false}));
  }
  auto impl = std::make_unique<Impl>(executor, std::move(for_bulk), std::move(for_lease),
                                     std::move(for_copies), path, refused);
  if (!database) impl->damage = damaged(database.error());
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(impl)));
}

void SqliteStore::read_term(Done<TermRow> done) {
  impl_->run<TermRow>(impl_->lease, std::move(done), term_of);
}

void SqliteStore::cas_term(std::uint64_t expected_version, std::uint64_t next_term,
                           std::string next_holder, Done<TermRow> done) {
  impl_->run<TermRow>(impl_->lease, std::move(done),
                      [expected_version, next_term, holder = std::move(next_holder)](Database& db) {
                        return cas_term_in(db, expected_version, next_term, holder);
                      });
}

void SqliteStore::commit(std::optional<std::uint64_t> term, std::vector<RecordChange> changes,
                         Done<Committed> done) {
  impl_->run<Committed>(
      impl_->bulk, std::move(done),
      [term, changes = std::move(changes)](Database& db) { return commit_in(db, term, changes); });
}

void SqliteStore::read_page(Page page, Done<Snapshot> done) {
  impl_->run<Snapshot>(impl_->bulk, std::move(done),
                       [page = std::move(page)](Database& db) { return read_in(db, page); });
}

void SqliteStore::copy(Done<Copy> done) {
  impl_->run<Copy>(impl_->copies, std::move(done), [](Database& db) { return copy_of(db); });
}

void SqliteStore::restore_copy(Copy copy, Done<std::string> done) {
  impl_->post<std::string>(
      impl_->copies, std::move(done),
      [copy = std::move(copy), of = impl_->path] { return put_back(copy, of); });
}

stdx::Result<ports::Store::Copy> copy_with(const ports::Store::Snapshot& records) {
  TRY_ASSIGN(auto database, Database::open(":memory:"));
  for (const char* statement : schema) TRY(database->run(statement));
  TRY(database->transaction([&]() -> stdx::Status {
    const auto& term = records.term;
    TRY_ASSIGN(auto row, database->prepare("UPDATE term SET term = ?, holder = ?, version = ?"));
    TRY(row.bind(term.term).bind_text(term.holder).bind(term.version).step());
    // Nothing is known of what was deleted: who has read it before reads all of it.
    for (const char* sql : {"UPDATE counter SET revision = ?", "UPDATE purged SET revision = ?"}) {
      TRY_ASSIGN(auto number, database->prepare(sql));
      TRY(number.bind(records.revision).step());
    }
    for (const auto& record : records.records) {
      TRY_ASSIGN(auto put, database->prepare("INSERT INTO records VALUES (?, ?, ?, ?, ?)"));
      TRY(put.bind_text(record.kind)
              .bind_text(record.key)
              .bind(record.version)
              .bind(records.revision)
              .bind(stdx::BytesView(record.value))
              .step());
    }
    return {};
  }));
  return copy_of(*database);
}

void SqliteStore::backup(std::string path, Done<std::uint64_t> done) {
  impl_->run<std::uint64_t>(impl_->copies, std::move(done),
                            [path = std::move(path)](Database& db) { return copy_to(db, path); });
}

void SqliteStore::restore(std::string path, Done<std::string> done) {
  impl_->post<std::string>(
      impl_->copies, std::move(done),
      [path = std::move(path), of = impl_->path] { return put_back(path, of); });
}

}  // namespace adapters::store_sqlite
