// SPDX-License-Identifier: Apache-2.0
#include "adapters/data_sqlite/data_store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "adapters/testing/data_contract.h"
#include "adapters/wait_queue.h"
#include "simkit/stub_engine.h"
#include "stdx/encoding.h"

namespace adapters::data_sqlite {
namespace {

struct SqliteBackend {
  std::string folder;
  WaitQueue queue;
  std::unique_ptr<SqliteDataStore> disk;
  SqliteBackend() {
    char name[] = "/tmp/samoza-data-XXXXXX";
    folder = mkdtemp(name);
    disk = std::make_unique<SqliteDataStore>(queue, options());
  }
  ~SqliteBackend() {
    disk.reset();
    std::filesystem::remove_all(folder);
  }
  // Few files open at a time: every test goes through files that were closed and opened again.
  SqliteDataStore::Options options() const { return {.folder = folder, .open_max = 1}; }
  ports::DataStore& store() { return *disk; }
  template <typename T, typename F>
  stdx::Result<T> wait(F start) {
    stdx::Result<T> got = stdx::fail(stdx::Code::failed, "nothing came");
    start([&](stdx::Result<T> result) { got = std::move(result); });
    queue.run_one();
    return got;
  }
};

struct MemoryBackend {
  simkit::World world{3};
  simkit::Process process{world, "z", "zrun"};
  simkit::MemoryDataStore memory{process};
  ports::DataStore& store() { return memory; }
  template <typename T, typename F>
  stdx::Result<T> wait(F start) {
    stdx::Result<T> got = stdx::fail(stdx::Code::failed, "nothing came");
    bool came = false;
    start([&](stdx::Result<T> result) {
      got = std::move(result);
      came = true;
    });
    EXPECT_TRUE(world.run_until_true([&] { return came; }, std::chrono::seconds(1)));
    return got;
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, DataContract, SqliteBackend);
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, DataContract, MemoryBackend);

const model::InstanceId first_life{
    {model::TopologyId(stdx::uuid_from(1, 2)), "s"}, model::Epoch(1), model::Run(1)};

// S17: the names come in a command; one that is a way out of the folder opens and removes nothing.
TEST(SqliteDataStoreTest, S17NamesThatLeadOutOfTheFolderOpenAndRemoveNothing) {
  SqliteBackend backend;
  const auto outside = backend.folder + ".s.db";
  std::ofstream(outside) << "kept";
  const auto up = "../" + std::filesystem::path(backend.folder).filename().string();
  for (const auto& key : {model::SpaceKey{model::TopologyId(up), "s"},
                          model::SpaceKey{first_life.key.topology, "../s"},
                          model::SpaceKey{model::TopologyId(""), "s"}}) {
    const auto opened = backend.wait<std::shared_ptr<ports::SpaceData>>([&](auto done) {
      backend.disk->open({key, model::Epoch(1), model::Run(1)}, Expect::nothing, 0, done);
    });
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, stdx::Code::invalid);
    backend.disk->remove(key);
  }
  backend.disk.reset();  // what was to be removed is
  EXPECT_TRUE(std::filesystem::exists(outside));
  EXPECT_TRUE(std::filesystem::is_empty(backend.folder));
  std::filesystem::remove(outside);
}

TEST(SqliteDataStoreTest, AFileThatWasEmptiedIsAStoreThatIsGone) {
  SqliteBackend backend;
  using Opened = std::shared_ptr<ports::SpaceData>;
  const auto open = [&](std::uint64_t epoch, Expect expect) {
    auto id = first_life;
    id.epoch = model::Epoch(epoch);
    return backend.wait<Opened>([&](auto done) { backend.disk->open(id, expect, 0, done); });
  };
  ASSERT_TRUE(open(1, Expect::nothing));
  backend.disk.reset();  // closes it
  for (const auto& file : std::filesystem::directory_iterator(backend.folder))
    std::filesystem::resize_file(file.path(), 0);
  backend.disk = std::make_unique<SqliteDataStore>(backend.queue, backend.options());
  EXPECT_EQ(open(2, Expect::there).error().code, stdx::Code::not_found);
  EXPECT_TRUE(open(2, Expect::nothing));
}

// Commits 1, 2, … as data and as records together, and tells of each on `out` once it is on disk.
[[noreturn]] void commit_until_killed(const std::string& folder, int out) {
  WaitQueue queue;
  SqliteDataStore store(queue, {.folder = folder});
  std::shared_ptr<ports::SpaceData> data;
  store.open(first_life, Expect::nothing, 0, [&](auto opened) { data = *opened; });
  queue.run_one();
  for (int i = 1;; ++i) {
    const auto n = std::to_string(i);
    bool committed = false;
    data->commit({{{"n", n}, {"data " + n, n}}, {{"n", n}, {"record " + n, n}}},
                 [&](auto result) { committed = result.has_value(); });
    queue.run_one();
    if (!committed || write(out, &i, sizeof i) != sizeof i) _exit(1);
  }
}

// R-SPACE-3: what a DATA space stored is durable.
TEST(SqliteDataStoreTest, S16WhatWasToldCommittedSurvivesKillAndWritesAndRecordsNeverPart) {
  for (const int stop_after : {1, 7, 40, 90}) {
    SqliteBackend backend;
    backend.disk.reset();  // no thread of ours when the process forks
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const auto child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) commit_until_killed(backend.folder, ends[1]);
    close(ends[1]);
    int told = 0;
    while (told < stop_after) ASSERT_EQ(read(ends[0], &told, sizeof told), sizeof told);
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    for (int more = 0; read(ends[0], &more, sizeof more) == sizeof more;) told = more;
    close(ends[0]);

    backend.disk = std::make_unique<SqliteDataStore>(backend.queue, backend.options());
    auto next = first_life;
    next.run = model::Run(2);
    auto data = *backend.wait<std::shared_ptr<ports::SpaceData>>(
        [&](auto done) { backend.disk->open(next, Expect::nothing, 0, done); });
    const auto n = std::stoi(
        **backend.wait<std::optional<stdx::Bytes>>([&](auto done) { data->get("n", done); }));
    EXPECT_GE(n, told) << "told committed, and gone";
    const auto records =
        *backend.wait<std::vector<ports::DataRecord>>([&](auto done) { data->records(done); });
    ASSERT_EQ(records.size(), static_cast<std::size_t>(n) + 1);
    EXPECT_EQ(records[0], (ports::DataRecord{"n", std::to_string(n)}));
    const auto keys = *backend.wait<std::vector<stdx::Bytes>>(
        [&](auto done) { data->list("data ", "", 1u << 20, done); });
    EXPECT_EQ(keys.size(), static_cast<std::size_t>(n));
  }
}

}  // namespace
}  // namespace adapters::data_sqlite
