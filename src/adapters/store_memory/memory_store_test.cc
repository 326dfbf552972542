// SPDX-License-Identifier: Apache-2.0
#include "adapters/store_memory/memory_store.h"

#include <gtest/gtest.h>

#include "simkit/process.h"

namespace adapters::store_memory {
namespace {

using stdx::Code;

TEST(MemoryStoreTest, P6OnlyOneOfTwoTakeoversOnTheSameVersionWins) {
  Database database;
  EXPECT_TRUE(database.cas_term(0, 1, "a"));
  EXPECT_EQ(database.cas_term(0, 1, "b").error().code, Code::conflict);
  EXPECT_EQ(database.term().holder, "a");
  EXPECT_EQ(database.term().version, 1u);
}

TEST(MemoryStoreTest, P7ABatchOfAnOldTermChangesNothing) {
  Database database;
  ASSERT_TRUE(database.cas_term(0, 2, "a"));
  EXPECT_EQ(database.commit(1, {{"space", "x", 0, "v"}}).error().code, Code::stale);
  EXPECT_TRUE(database.read_page({.revision = 0}).records.empty());
}

TEST(MemoryStoreTest, P7ABatchIsAllOrNothing) {
  Database database;
  ASSERT_TRUE(database.commit({}, {{"space", "x", 0, "1"}}));
  EXPECT_EQ(database.commit({}, {{"space", "y", 0, "1"}, {"space", "x", 0, "2"}}).error().code,
            Code::conflict);
  EXPECT_EQ(database.read_page({.revision = 0}).records.size(), 1u);
}

TEST(MemoryStoreTest, ReadSinceGivesWhatChangedAndWhatWasDeleted) {
  Database database;
  const auto first = database.commit({}, {{"space", "x", 0, "1"}, {"space", "y", 0, "1"}});
  ASSERT_TRUE(first);
  ASSERT_TRUE(database.commit({}, {{"space", "x", 1, {}}}));
  const auto delta = database.read_page({.revision = first->revision});
  EXPECT_TRUE(delta.records.empty());
  ASSERT_EQ(delta.deleted.size(), 1u);
  EXPECT_EQ(delta.deleted[0].second, "x");
}

TEST(MemoryStoreTest, ABatchPastItsBoundIsRefused) {
  Database database;
  std::vector<ports::RecordChange> changes;
  for (int i = 0; i < 1001; ++i) changes.push_back({"space", std::to_string(i), 0, "v"});
  EXPECT_EQ(database.commit({}, changes).error().code, Code::full);
  changes.pop_back();
  EXPECT_TRUE(database.commit({}, changes));
}

TEST(MemoryStoreTest, AnUnknownOutcomeMayHaveBeenCarriedOut) {
  simkit::World world(1);
  simkit::Process process(world, "cp", "controlplane");
  Database database;
  database.fault = [] { return Fault::unknown_applied; };
  MemoryStore store(process, database);
  Code code{};
  store.cas_term(0, 1, "a", [&](auto result) { code = result.error().code; });
  world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(code, Code::unknown);
  EXPECT_EQ(database.term().term, 1u);
}

}  // namespace
}  // namespace adapters::store_memory
