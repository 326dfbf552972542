// SPDX-License-Identifier: Apache-2.0
#include "adapters/store_sqlite/sqlite_store.h"

#include <filesystem>

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

}  // namespace
}  // namespace adapters
