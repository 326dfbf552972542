// SPDX-License-Identifier: Apache-2.0
#include "adapters/data_sqlite/data_store.h"

#include <algorithm>
#include <filesystem>

#include "adapters/data_sqlite/open_stores.h"
#include "adapters/posix/disk_room.h"
#include "adapters/posix/worker.h"
#include "adapters/sqlite/database.h"
#include "model/topology.h"
#include "stdx/encoding.h"
#include "stdx/text.h"

namespace adapters::data_sqlite {

namespace fs = std::filesystem;
using ports::DataBatch;
using ports::DataRecord;
using ports::DataWrite;
using ports::SpaceData;
using stdx::Code;

struct SqliteDataStore::Shared {
  ports::Executor& executor;
  Options options;
  Numbers numbers;
  OpenStores stores;     // of the worker's thread
  posix::Worker worker;  // last: its jobs end before the stores go
  Shared(ports::Executor& e, Options o, Numbers n)
      : executor(e),
        options(std::move(o)),
        numbers(n),
        stores(options.open_max, n.open),
        worker(calls_max, n.refused) {}

  // Whether the disk has more room than what is kept for others.
  stdx::Status has_room() const {
    return posix::check_disk_room(options.folder, options.disk_reserve_bytes);
  }

  void count_refusal(const stdx::Error& error) const {
    if (numbers.no_space == nullptr) return;
    if (error.code == Code::full || error.code == Code::unavailable) numbers.no_space->add();
  }

  template <typename T>
  void run(SpaceData::Done<T> done, std::move_only_function<stdx::Result<T>()> work) {
    const bool taken = worker.post([this, done, work = std::move(work)]() mutable {
      auto result = work();
      auto& loop = executor;  // `work` may hold the last of us
      // Before the answer: who hears it may end the store, and then waits for this thread.
      work = nullptr;
      loop.post([done = std::move(done), result = std::move(result)]() mutable {
        done(std::move(result));
      });
    });
    if (taken) return;
    executor.post([done = std::move(done)] {
      done(stdx::fail(Code::unavailable,
                      stdx::format("{} calls wait for the data already", calls_max)));
    });
  }
};

namespace {

// None for names that could lead out of the folder: a command brings them here.
std::optional<std::string> path_of(const std::string& folder, const model::SpaceKey& key) {
  if (!stdx::is_uuid(key.topology.value) || !model::is_name(key.space)) return std::nullopt;
  return folder + "/" + key.topology.value + "." + key.space + ".db";
}

class Data final : public SpaceData {
 public:
  Data(std::shared_ptr<SqliteDataStore::Shared> shared, std::string path, std::uint64_t bytes_max,
       model::InstanceId instance)
      : shared_(std::move(shared)),
        file_{shared_.get(), std::move(path), bytes_max},
        instance_(std::move(instance)) {}
  ~Data() override {
    // A newer instance may use the file already: it is opened again then.
    shared_->worker.release(
        [shared = shared_.get(), path = file_.path] { shared->stores.close(path); });
  }

  void commit(DataBatch batch, Done<std::size_t> done) override {
    shared_->run<std::size_t>(
        std::move(done),
        [file = file_, id = instance_, batch = std::move(batch)]() -> stdx::Result<std::size_t> {
          if (auto room = room_for(*file.shared, batch); !room) {
            file.shared->count_refusal(room.error());
            return std::unexpected(room.error());
          }
          TRY_ASSIGN(auto* db, file.database());
          std::size_t present = 0;
          auto committed = db->transaction([&]() -> stdx::Status {
            TRY(still_ours(*db, id));
            for (const auto& write : batch.writes) {
              TRY_ASSIGN(const bool there, is_there(*db, write.key));
              TRY(write_one(*db, "data", write));
              present += there;
            }
            for (const auto& record : batch.records) TRY(write_one(*db, "records", record));
            return {};
          });
          if (!committed) {
            file.shared->count_refusal(committed.error());
            return std::unexpected(committed.error());
          }
          return present;
        });
  }

  void records(Done<std::vector<DataRecord>> done) override {
    shared_->run<std::vector<DataRecord>>(
        std::move(done), [file = file_]() -> stdx::Result<std::vector<DataRecord>> {
          TRY_ASSIGN(auto* db, file.database());
          TRY_ASSIGN(auto select, db->prepare("SELECT key, value FROM records ORDER BY key"));
          std::vector<DataRecord> all;
          for (;;) {
            TRY_ASSIGN(const bool row, select.step());
            if (!row) return all;
            all.push_back({select.blob(0), select.blob(1)});
          }
        });
  }

  void get(stdx::Bytes key, Done<std::optional<stdx::Bytes>> done) override {
    shared_->run<std::optional<stdx::Bytes>>(
        std::move(done),
        [file = file_, key = std::move(key)]() -> stdx::Result<std::optional<stdx::Bytes>> {
          TRY_ASSIGN(auto* db, file.database());
          TRY_ASSIGN(auto select, db->prepare("SELECT value FROM data WHERE key = ?"));
          TRY_ASSIGN(const bool found, select.bind(stdx::BytesView(key)).step());
          if (!found) return std::nullopt;
          return select.blob(0);
        });
  }

  void list(stdx::Bytes prefix, stdx::Bytes after, std::size_t bytes_max,
            Done<std::vector<stdx::Bytes>> done) override {
    shared_->run<std::vector<stdx::Bytes>>(
        std::move(done),
        [file = file_, prefix = std::move(prefix), after = std::move(after),
         bytes_max]() -> stdx::Result<std::vector<stdx::Bytes>> {
          TRY_ASSIGN(auto* db, file.database());
          TRY_ASSIGN(auto select,
                     db->prepare("SELECT key FROM data WHERE key >= ? AND key > ? ORDER BY key"));
          select.bind(stdx::BytesView(prefix)).bind(stdx::BytesView(after));
          std::vector<stdx::Bytes> keys;
          std::size_t used = 0;
          for (;;) {
            TRY_ASSIGN(const bool row, select.step());
            if (!row) break;
            auto key = select.blob(0);
            used += key.size() + 4;
            if (!key.starts_with(prefix) || (used > bytes_max && !keys.empty())) break;
            keys.push_back(std::move(key));
          }
          return keys;
        });
  }

 private:
  // What a job takes along. The worker that runs it is a member of `shared`.
  struct File {
    SqliteDataStore::Shared* shared;
    std::string path;
    std::uint64_t bytes_max;
    // Never makes one: a store that went away while it was closed is gone.
    stdx::Result<sqlite::Database*> database() const {
      return shared->stores.get(path, false, bytes_max);
    }
  };

  static stdx::Status room_for(const SqliteDataStore::Shared& shared, const DataBatch& batch) {
    const auto deletes = [](const DataWrite& write) { return !write.value; };
    if (std::all_of(batch.writes.begin(), batch.writes.end(), deletes) && batch.records.empty())
      return {};
    return shared.has_room();
  }
  static stdx::Status still_ours(sqlite::Database& db, const model::InstanceId& id) {
    TRY_ASSIGN(auto select, db.prepare("SELECT epoch, run FROM owner"));
    TRY_ASSIGN(const bool row, select.step());
    if (row && (select.integer(0) != id.epoch.value || select.integer(1) != id.run.value))
      return stdx::fail(Code::stale, "a newer instance owns this data");
    return {};
  }
  static stdx::Result<bool> is_there(sqlite::Database& db, const stdx::Bytes& key) {
    TRY_ASSIGN(auto look, db.prepare("SELECT 1 FROM data WHERE key = ?"));
    return look.bind(stdx::BytesView(key)).step();
  }
  static stdx::Status write_one(sqlite::Database& db, const std::string& table,
                                const DataWrite& write) {
    TRY_ASSIGN(auto change,
               db.prepare(write.value ? "INSERT OR REPLACE INTO " + table + " VALUES (?, ?)"
                                      : "DELETE FROM " + table + " WHERE key = ?"));
    change.bind(stdx::BytesView(write.key));
    if (write.value) change.bind(stdx::BytesView(*write.value));
    TRY(change.step());
    return {};
  }

  std::shared_ptr<SqliteDataStore::Shared> shared_;
  File file_;
  model::InstanceId instance_;
};

std::unexpected<stdx::Error> gone(const std::string& path) {
  return stdx::fail(Code::not_found, stdx::format("its store {} is not there any more", path));
}

stdx::Status take_ownership(sqlite::Database& db, const model::InstanceId& id, bool is_there,
                            const std::string& path) {
  return db.transaction([&]() -> stdx::Status {
    TRY(
        db.run("CREATE TABLE IF NOT EXISTS data (key BLOB PRIMARY KEY, value BLOB NOT NULL) "
               "WITHOUT ROWID"));
    TRY(
        db.run("CREATE TABLE IF NOT EXISTS records (key BLOB PRIMARY KEY, value BLOB NOT NULL) "
               "WITHOUT ROWID"));
    TRY(db.run("CREATE TABLE IF NOT EXISTS owner (epoch INTEGER NOT NULL, run INTEGER NOT NULL)"));
    TRY_ASSIGN(auto select, db.prepare("SELECT epoch, run FROM owner"));
    TRY_ASSIGN(const bool row, select.step());
    if (row) {
      const std::pair known{select.integer(0), select.integer(1)};
      if (known > std::pair{id.epoch.value, std::uint64_t{id.run.value}})
        return stdx::fail(Code::stale,
                          stdx::format("epoch {} run {} opened this data; {}.{} is older",
                                       known.first, known.second, id.epoch.value, id.run.value));
    }
    // Every store that was ever opened has its owner; an emptied file has none.
    if (is_there && !row) return gone(path);
    TRY(db.run("DELETE FROM owner"));
    TRY_ASSIGN(auto insert, db.prepare("INSERT INTO owner VALUES (?, ?)"));
    TRY(insert.bind(id.epoch.value).bind(std::uint64_t{id.run.value}).step());
    return {};
  });
}

}  // namespace

SqliteDataStore::SqliteDataStore(ports::Executor& executor, Options options, Numbers numbers)
    : shared_(std::make_shared<Shared>(executor, std::move(options), numbers)) {}

SqliteDataStore::~SqliteDataStore() = default;

void SqliteDataStore::open(const model::InstanceId& instance, Expect expect,
                           std::uint64_t bytes_max,
                           SpaceData::Done<std::shared_ptr<SpaceData>> done) {
  shared_->run<std::shared_ptr<SpaceData>>(
      std::move(done),
      [shared = shared_, instance, expect,
       bytes_max]() -> stdx::Result<std::shared_ptr<SpaceData>> {
        const auto path = path_of(shared->options.folder, instance.key);
        if (!path) return stdx::fail(Code::invalid, "no topology id, or no name of a space");
        const bool is_there = expect == Expect::there;
        auto opened = shared->stores.get(*path, !is_there, bytes_max);
        if (!opened && opened.error().code == Code::not_found) return gone(*path);
        if (!opened) return std::unexpected(opened.error());
        TRY(take_ownership(**opened, instance, is_there, *path));
        return std::make_shared<Data>(shared, *path, bytes_max, instance);
      });
}

void SqliteDataStore::remove(const model::SpaceKey& key) {
  const auto path = path_of(shared_->options.folder, key);
  if (!path) return;
  shared_->worker.release([shared = shared_.get(), path = *path] {
    shared->stores.close(path);
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path + suffix, ignored);
  });
}

}  // namespace adapters::data_sqlite
