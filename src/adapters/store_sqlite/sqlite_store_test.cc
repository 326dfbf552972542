// SPDX-License-Identifier: Apache-2.0
#include "adapters/store_sqlite/sqlite_store.h"

#include <filesystem>
#include <fstream>

#include "adapters/store_memory/memory_store.h"
#include "adapters/testing/store_contract.h"
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

struct Copies : Sqlite {
  stdx::Result<ports::Store::Committed> put(const char* key) {
    return wait<ports::Store::Committed>(
        [&](auto done) { store().commit({}, {{"lineage", key, 0, "x"}}, done); });
  }
  stdx::Result<ports::Store::Copy> copy() {
    return wait<ports::Store::Copy>([&](auto done) { store().copy(done); });
  }
  stdx::Result<std::string> restore(const ports::Store::Copy& copy) {
    return wait<std::string>([&](auto done) { store().restore_copy(copy, done); });
  }
  stdx::Result<ports::Store::Snapshot> read() {
    return wait<ports::Store::Snapshot>([&](auto done) { store().read_since(0, done); });
  }
  void start_anew() {
    sqlite.reset();
    sqlite = *store_sqlite::SqliteStore::open(queue, folder + "/cp.db");
  }
  std::string keys() {
    const auto snapshot = read();
    if (!snapshot) return snapshot.error().message;
    std::string all;
    for (const auto& record : snapshot->records) all += record.key;
    return all;
  }
  std::string file() const { return folder + "/cp.db"; }
};

TEST(SqliteStoreTest, ACopyAsBytesHasWhatIsInTheLogAndIsPutBackAtTheNextStart) {
  Copies s;
  ASSERT_TRUE(s.put("a"));
  ASSERT_TRUE(s.wait<ports::TermRow>([&](auto done) { s.store().cas_term(0, 7, "a/1/1", done); }));
  auto copy = s.copy();
  ASSERT_TRUE(copy) << copy.error().message;
  ASSERT_TRUE(s.put("b"));
  auto damaged = *copy;
  damaged.bytes[4000] ^= 1;
  EXPECT_EQ(s.restore(damaged).error().code, stdx::Code::corrupt);
  s.start_anew();
  EXPECT_EQ(s.keys(), "ab");
  ASSERT_TRUE(s.restore(*copy));
  EXPECT_EQ(s.keys(), "ab") << "until the next start";
  s.start_anew();
  EXPECT_EQ(s.keys(), "a");
  EXPECT_EQ(s.read()->term.term, 7u);
  EXPECT_EQ(s.read()->revision, 1u);
}

TEST(SqliteStoreTest, ACopyOfTheMemoryStoreGoesOnAsADatabase) {
  Copies s;
  store_memory::Database database;
  store_memory::MemoryStore memory(s.queue, database, std::chrono::milliseconds(0),
                                   store_sqlite::copy_with);
  ASSERT_TRUE(database.commit({}, {{"lineage", "", 0, "x"}, {"topology", "t", 0, "y"}}));
  ASSERT_TRUE(database.commit({}, {{"topology", "t", 1, "z"}}));
  ASSERT_TRUE(database.cas_term(0, 3, "a/1/1"));
  const auto copy = s.wait<ports::Store::Copy>([&](auto done) { memory.copy(done); });
  ASSERT_TRUE(copy) << copy.error().message;
  EXPECT_FALSE(s.wait<std::string>([&](auto done) { memory.restore_copy(*copy, done); }));
  ASSERT_TRUE(s.restore(*copy));
  s.start_anew();
  const auto now = s.read();
  ASSERT_TRUE(now);
  EXPECT_EQ(now->records, database.read_page({}).records);
  EXPECT_EQ(now->term, database.term());
  EXPECT_EQ(now->revision, 2u);
  const auto later = s.wait<ports::Store::Committed>(
      [&](auto done) { s.store().commit(3, {{"topology", "t", 2, "w"}}, done); });
  ASSERT_TRUE(later) << later.error().message;
  EXPECT_EQ(later->revision, 3u);
}

// What a cut or damaged file looks like: nothing answers, everything says what to do, and a copy
// can be put back.
void expect_damaged_until_restored(Copies& s, const ports::Store::Copy& copy) {
  s.sqlite = *store_sqlite::SqliteStore::open(s.queue, s.file());
  const auto read = s.read();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, stdx::Code::corrupt);
  for (const char* said : {"the records are damaged", "cluster restore --from", "cluster recover"})
    EXPECT_NE(read.error().message.find(said), std::string::npos) << read.error().message;
  EXPECT_EQ(s.put("c").error().code, stdx::Code::corrupt);
  EXPECT_EQ(s.copy().error().code, stdx::Code::corrupt);
  ASSERT_TRUE(s.restore(copy));
  s.start_anew();
  EXPECT_EQ(s.keys(), "a");
}

struct DamagedFile : Copies {
  ports::Store::Copy good;
  DamagedFile() {
    EXPECT_TRUE(put("a"));
    good = *copy();
    for (int i = 0; i < 20; ++i) {
      std::vector<ports::RecordChange> rows;
      for (int k = 0; k < 50; ++k)
        rows.push_back(
            {"b", std::to_string(i) + "/" + std::to_string(k), 0, std::string(200, 'x')});
      EXPECT_TRUE(
          wait<ports::Store::Committed>([&](auto done) { store().commit({}, rows, done); }));
    }
    sqlite.reset();  // the last one to close it folds the log into the file
    EXPECT_GT(std::filesystem::file_size(file()), 100'000u);
  }
};

TEST(SqliteStoreTest, ADatabaseThatWasCutSaysWhatToDoAndTakesACopy) {
  DamagedFile s;
  std::filesystem::resize_file(s.file(), std::filesystem::file_size(s.file()) / 2 + 77);
  expect_damaged_until_restored(s, s.good);
}

TEST(SqliteStoreTest, ADatabaseWithADamagedPageSaysWhatToDoAndTakesACopy) {
  DamagedFile s;
  {
    std::fstream f(s.file(), std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 5; page < 12; ++page) {
      f.seekp(page * 4096);
      f << std::string(4096, '\x5a');
    }
  }
  expect_damaged_until_restored(s, s.good);
}

TEST(SqliteStoreTest, ADatabaseWithoutItsHeadSaysWhatToDoAndTakesACopy) {
  DamagedFile s;
  {
    std::fstream f(s.file(), std::ios::in | std::ios::out | std::ios::binary);
    f << std::string(100, '\0');
  }
  expect_damaged_until_restored(s, s.good);
}

}  // namespace
}  // namespace adapters
