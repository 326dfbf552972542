// SPDX-License-Identifier: Apache-2.0
#include "adapters/data_sqlite/data_store.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "adapters/wait_queue.h"

namespace adapters::data_sqlite {
namespace {

struct Fixture {
  std::string folder;
  WaitQueue queue;
  std::unique_ptr<SqliteDataStore> store;
  Fixture() {
    char name[] = "/tmp/samoza-data-XXXXXX";
    folder = mkdtemp(name);
    store = std::make_unique<SqliteDataStore>(queue, folder);
  }
  ~Fixture() {
    store.reset();
    std::filesystem::remove_all(folder);
  }
  template <typename T, typename F>
  stdx::Result<T> wait(F start) {
    stdx::Result<T> got = stdx::fail(stdx::Code::failed, "nothing came");
    start([&](stdx::Result<T> result) { got = std::move(result); });
    queue.run_one();
    return got;
  }
  stdx::Result<std::shared_ptr<ports::SpaceData>> open(std::uint64_t epoch, std::uint32_t run = 1) {
    const model::InstanceId id{{model::TopologyId("t"), "s"}, model::Epoch(epoch), model::Run(run)};
    return wait<std::shared_ptr<ports::SpaceData>>([&](auto done) { store->open(id, done); });
  }
  stdx::Result<std::size_t> put(ports::SpaceData& data, std::string key, std::string value) {
    return wait<std::size_t>([&](auto done) { data.commit({{key, value}}, done); });
  }
  std::optional<stdx::Bytes> get(ports::SpaceData& data, std::string key) {
    return *wait<std::optional<stdx::Bytes>>([&](auto done) { data.get(key, done); });
  }
};

TEST(SqliteDataStoreTest, WhatWasCommittedIsThereForTheNextInstance) {
  Fixture f;
  {
    auto data = *f.open(1);
    EXPECT_EQ(f.put(*data, "k", "v"), 0u);
    EXPECT_EQ(f.put(*data, "k", "w"), 1u);
  }
  auto next = *f.open(2);
  EXPECT_EQ(f.get(*next, "k"), "w");
  EXPECT_EQ(f.get(*next, "none"), std::nullopt);
}

TEST(SqliteDataStoreTest, P10AnOlderInstanceIsRefusedAtOpenAndAtItsLateCommit) {
  Fixture f;
  auto old = *f.open(1);
  auto newer = *f.open(2);
  EXPECT_EQ(f.put(*old, "k", "late").error().code, stdx::Code::stale);
  EXPECT_EQ(f.open(1).error().code, stdx::Code::stale);
  EXPECT_EQ(f.open(2, 0).error().code, stdx::Code::stale);
  EXPECT_TRUE(f.put(*newer, "k", "v"));
}

TEST(SqliteDataStoreTest, ListGivesKeysInByteOrderBehindTheCursorAndWithinTheBound) {
  Fixture f;
  auto data = *f.open(1);
  for (auto key : {"a2", "b", "a1", "a3"}) ASSERT_TRUE(f.put(*data, key, ""));
  using Keys = std::vector<stdx::Bytes>;
  EXPECT_EQ(*f.wait<Keys>([&](auto done) { data->list("a", "", 100, done); }),
            (Keys{"a1", "a2", "a3"}));
  EXPECT_EQ(*f.wait<Keys>([&](auto done) { data->list("a", "a1", 6, done); }), (Keys{"a2"}));
}

TEST(SqliteDataStoreTest, ABatchIsAllOrNothingAndADeleteSaysWhatWasThere) {
  Fixture f;
  auto data = *f.open(1);
  EXPECT_EQ(*f.wait<std::size_t>([&](auto done) { data->commit({{"x", "1"}, {"y", "2"}}, done); }),
            0u);
  EXPECT_EQ(*f.wait<std::size_t>(
                [&](auto done) { data->commit({{"x", std::nullopt}, {"z", std::nullopt}}, done); }),
            1u);
  EXPECT_EQ(f.get(*data, "x"), std::nullopt);
}

}  // namespace
}  // namespace adapters::data_sqlite
