// SPDX-License-Identifier: Apache-2.0
#include "adapters/store_sqlite/sqlite_store.h"

#include <filesystem>
#include <fstream>

#include "adapters/store_contract.h"
#include "adapters/store_memory/memory_store.h"
#include "adapters/wait_queue.h"

namespace adapters {
namespace {

template <typename T, typename Start>
stdx::Result<T> run(WaitQueue& queue, Start start) {
  stdx::Result<T> got = stdx::fail(stdx::Code::failed, "nothing came");
  bool answered = false;
  start([&](stdx::Result<T> result) {
    got = std::move(result);
    answered = true;
  });
  while (!answered && !testing::Test::HasFatalFailure()) queue.run_one();
  return got;
}

struct Memory {
  WaitQueue queue;
  store_memory::Database database;
  store_memory::MemoryStore memory{queue, database};
  ports::Store& store() { return memory; }
  template <typename T, typename Start>
  stdx::Result<T> wait(Start start) {
    return run<T>(queue, start);
  }
};

struct Sqlite {
  std::string folder;
  WaitQueue queue;
  std::unique_ptr<store_sqlite::SqliteStore> sqlite;
  Sqlite() {
    char name[] = "/tmp/samoza-store-XXXXXX";
    folder = mkdtemp(name);
    sqlite = *store_sqlite::SqliteStore::open(queue, folder + "/cp.db");
  }
  ~Sqlite() {
    sqlite.reset();
    std::filesystem::remove_all(folder);
  }
  ports::Store& store() { return *sqlite; }
  template <typename T, typename Start>
  stdx::Result<T> wait(Start start) {
    return run<T>(queue, start);
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreContract, Memory);
INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, StoreContract, Sqlite);

TEST(SqliteStoreTest, ARenewalOfATermGoesBeforeTheRecordsThatWait) {
  Sqlite s;
  std::size_t commits = 0, before_the_renewal = 0;
  constexpr std::size_t queued = 40;
  for (std::size_t i = 0; i < queued; ++i) {
    std::vector<ports::RecordChange> rows;
    for (int k = 0; k < 200; ++k)
      rows.push_back({"a", std::to_string(i) + "/" + std::to_string(k), 0, "x"});
    s.store().commit(std::nullopt, rows, [&](auto done) {
      ASSERT_TRUE(done);
      ++commits;
    });
  }
  s.store().cas_term(0, 1, "a/1/1", [&](auto done) {
    ASSERT_TRUE(done) << done.error().message;
    before_the_renewal = commits;
  });
  while (commits < queued && !testing::Test::HasFatalFailure()) s.queue.run_one();
  EXPECT_LT(before_the_renewal, queued / 2);
}

// R-SVC-10: the registry is an SQLite file.
TEST(SqliteStoreTest, ACopyIsMadeInUseAndPutBackAtTheNextStart) {
  Sqlite s;
  const auto put = [&](const char* key) {
    return s.wait<ports::Store::Committed>(
        [&](auto done) { s.store().commit(std::nullopt, {{"lineage", key, 0, "x"}}, done); });
  };
  const auto keys = [&] {
    std::string all;
    const auto now =
        s.wait<ports::Store::Snapshot>([&](auto done) { s.store().read_since(0, done); });
    for (const auto& record : now->records) all += record.key;
    return all;
  };
  const auto restore = [&](const std::string& path) {
    return s.wait<std::string>([&](auto done) { s.store().restore(path, done); });
  };
  ASSERT_TRUE(put("a"));
  const auto copy = s.folder + "/copy.db";
  const auto back_up = [&] {
    return s.wait<std::uint64_t>([&](auto done) { s.store().backup(copy, done); });
  };
  ASSERT_TRUE(back_up());
  EXPECT_EQ(back_up().error().code, stdx::Code::conflict) << "nothing is written over";
  ASSERT_TRUE(put("b"));
  EXPECT_FALSE(restore(s.folder + "/none.db"));
  const auto kept = restore(copy);
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(keys(), "ab") << "until the next start";
  s.sqlite.reset();
  s.sqlite = *store_sqlite::SqliteStore::open(s.queue, s.folder + "/cp.db");
  EXPECT_EQ(keys(), "a");
  EXPECT_TRUE(std::filesystem::exists(*kept));
}

TEST(SqliteStoreTest, ADamagedOrForeignFileIsNotPutBack) {
  Sqlite s;
  const auto restore = [&](const std::string& path) {
    return s.wait<std::string>([&](auto done) { s.store().restore(path, done); });
  };
  std::ofstream(s.folder + "/text.db") << std::string(5000, 'x');
  EXPECT_FALSE(restore(s.folder + "/text.db"));
  std::ofstream(s.folder + "/empty.db").flush();
  EXPECT_EQ(restore(s.folder + "/empty.db").error().code, stdx::Code::invalid);
  EXPECT_FALSE(std::filesystem::exists(s.folder + "/cp.db.restored"));
}

}  // namespace
}  // namespace adapters
