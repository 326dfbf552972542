// SPDX-License-Identifier: Apache-2.0
#pragma once

// The contract of ports::DataStore as tests, the same for SQLite and for the memory of simkit. A
// backend gives a fixture with `store()` and `wait<T>(start)`, which runs one call to its answer,
// and instantiates DataContract with it.

#include <gtest/gtest.h>

#include "ports/data_store.h"
#include "stdx/encoding.h"

namespace adapters {

using Expect = ports::DataStore::Expect;

template <typename Backend>
class DataContract : public testing::Test {
 protected:
  using Data = std::shared_ptr<ports::SpaceData>;
  using Records = std::vector<ports::DataRecord>;
  using Keys = std::vector<stdx::Bytes>;
  Backend backend_;

  stdx::Result<Data> open(std::uint64_t epoch, std::uint32_t run = 1,
                          Expect expect = Expect::nothing, std::uint64_t bytes_max = 0) {
    const model::InstanceId id{
        {model::TopologyId(stdx::uuid_from(1, 2)), "s"}, model::Epoch(epoch), model::Run(run)};
    return backend_.template wait<Data>(
        [&](auto done) { backend_.store().open(id, expect, bytes_max, done); });
  }
  stdx::Result<std::size_t> commit(ports::SpaceData& data, ports::DataBatch batch) {
    return backend_.template wait<std::size_t>(
        [&](auto done) { data.commit(std::move(batch), done); });
  }
  stdx::Result<std::size_t> put(ports::SpaceData& data, std::string key, std::string value) {
    return commit(data, {{{key, value}}, {}});
  }
  std::optional<stdx::Bytes> get(ports::SpaceData& data, std::string key) {
    return *backend_.template wait<std::optional<stdx::Bytes>>(
        [&](auto done) { data.get(key, done); });
  }
  Keys list(ports::SpaceData& data, std::string prefix, std::string after, std::size_t bytes_max) {
    return *backend_.template wait<Keys>(
        [&](auto done) { data.list(prefix, after, bytes_max, done); });
  }
  Records records(ports::SpaceData& data) {
    return *backend_.template wait<Records>([&](auto done) { data.records(done); });
  }
};

TYPED_TEST_SUITE_P(DataContract);

TYPED_TEST_P(DataContract, WhatWasCommittedIsThereForTheNextInstance) {
  {
    auto data = *this->open(1);
    EXPECT_EQ(this->put(*data, "k", "v"), 0u);
    EXPECT_EQ(this->put(*data, "k", "w"), 1u);
  }
  auto next = *this->open(2);
  EXPECT_EQ(this->get(*next, "k"), "w");
  EXPECT_EQ(this->get(*next, "none"), std::nullopt);
}

TYPED_TEST_P(DataContract, P10AnOlderInstanceIsRefusedAtOpenAndAtItsLateCommit) {
  auto old = *this->open(1);
  auto newer = *this->open(2);
  EXPECT_EQ(this->put(*old, "k", "late").error().code, stdx::Code::stale);
  EXPECT_EQ(this->commit(*old, {{}, {{"r", "late"}}}).error().code, stdx::Code::stale);
  EXPECT_EQ(this->open(1).error().code, stdx::Code::stale);
  EXPECT_EQ(this->open(2, 0).error().code, stdx::Code::stale);
  EXPECT_TRUE(this->put(*newer, "k", "v"));
  EXPECT_TRUE(this->records(*newer).empty());
}

TYPED_TEST_P(DataContract, AStoreThatIsToBeThereAndIsNotIsRefusedAndNotMade) {
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(this->open(1, 1, Expect::there).error().code, stdx::Code::not_found);
  ASSERT_TRUE(this->open(1, 1, Expect::nothing));
  EXPECT_TRUE(this->open(2, 1, Expect::there));
}

TYPED_TEST_P(DataContract, ListGivesKeysInByteOrderBehindTheCursorAndWithinTheBound) {
  auto data = *this->open(1);
  for (auto key : {"a2", "b", "a1", "a3"}) ASSERT_TRUE(this->put(*data, key, ""));
  EXPECT_EQ(this->list(*data, "a", "", 100), (std::vector<stdx::Bytes>{"a1", "a2", "a3"}));
  EXPECT_EQ(this->list(*data, "a", "a1", 6), (std::vector<stdx::Bytes>{"a2"}));
}

TYPED_TEST_P(DataContract, ListGivesAKeyThatIsPastTheBoundAndNothingOnlyAtTheEnd) {
  auto data = *this->open(1);
  for (auto key : {"a1", "a2"}) ASSERT_TRUE(this->put(*data, key, ""));
  EXPECT_EQ(this->list(*data, "a", "", 1), (std::vector<stdx::Bytes>{"a1"}));
  EXPECT_EQ(this->list(*data, "a", "a1", 0), (std::vector<stdx::Bytes>{"a2"}));
  EXPECT_TRUE(this->list(*data, "a", "a2", 1).empty());
}

TYPED_TEST_P(DataContract, ABatchIsAllOrNothingAndADeleteSaysWhatWasThere) {
  auto data = *this->open(1);
  EXPECT_EQ(*this->commit(*data, {{{"x", "1"}, {"y", "2"}}, {}}), 0u);
  EXPECT_EQ(*this->commit(*data, {{{"x", std::nullopt}, {"z", std::nullopt}}, {}}), 1u);
  EXPECT_EQ(this->get(*data, "x"), std::nullopt);
}

TYPED_TEST_P(DataContract, RecordsChangeInTheTransactionOfTheWritesAndStayForTheNextInstance) {
  const stdx::Bytes zeros("b\0c", 3);
  {
    auto data = *this->open(1);
    EXPECT_TRUE(this->records(*data).empty());
    EXPECT_EQ(*this->commit(*data, {{{"k", "v"}}, {{zeros, "2"}, {"a", ""}, {"c", "3"}}}), 0u)
        << "records are not counted";
    EXPECT_EQ(this->records(*data),
              (std::vector<ports::DataRecord>{{"a", ""}, {zeros, "2"}, {"c", "3"}}));
    EXPECT_EQ(*this->commit(*data, {{{"k", "w"}}, {{"a", std::nullopt}, {"c", "4"}}}), 1u);
  }
  auto next = *this->open(1, 2);
  EXPECT_EQ(this->records(*next), (std::vector<ports::DataRecord>{{zeros, "2"}, {"c", "4"}}));
  EXPECT_EQ(this->get(*next, "k"), "w");
}

TYPED_TEST_P(DataContract, TheGuestsKeysAndTheRecordsAreTwoAreas) {
  auto data = *this->open(1);
  ASSERT_TRUE(this->commit(*data, {{{"same", "guest"}}, {{"same", "zrun"}, {"other", "zrun"}}}));
  EXPECT_EQ(this->get(*data, "same"), "guest");
  EXPECT_EQ(this->get(*data, "other"), std::nullopt);
  EXPECT_EQ(this->list(*data, "", "", 100), (std::vector<stdx::Bytes>{"same"}));
  ASSERT_TRUE(this->commit(*data, {{{"same", std::nullopt}}, {}}));
  EXPECT_EQ(this->records(*data).size(), 2u);
}

TYPED_TEST_P(DataContract, PastItsBoundACommitIsRefusedWholeAndWhatIsDeletedMakesRoomAgain) {
  const std::uint64_t bound = 1u << 20;
  const stdx::Bytes value(64u << 10, 'v');
  auto data = *this->open(1, 1, Expect::nothing, bound);
  int taken = 0;
  for (;; ++taken) {
    ASSERT_LT(taken, 100) << "the bound holds";
    const auto n = std::to_string(taken);
    const auto put = this->commit(*data, {{{"k" + n, value}, {"last", n}}, {{"r", n}}});
    if (put) continue;
    EXPECT_EQ(put.error().code, stdx::Code::full);
    break;
  }
  EXPECT_GT(taken, 8) << "most of the bound can be used";
  const auto last = std::to_string(taken - 1);
  EXPECT_EQ(this->get(*data, "last"), last) << "nothing of the refused commit is there";
  EXPECT_EQ(this->get(*data, "k" + std::to_string(taken)), std::nullopt);
  EXPECT_EQ(this->records(*data), (std::vector<ports::DataRecord>{{"r", last}}));
  for (int i = 0; i < taken / 2; ++i)
    ASSERT_TRUE(this->commit(*data, {{{"k" + std::to_string(i), std::nullopt}}, {}}));
  EXPECT_TRUE(this->put(*data, "again", value));
}

// However much room the refused commit would have needed, and however much is left without it.
TYPED_TEST_P(DataContract, ACommitThatIsMuchLargerThanWhatIsLeftIsPastTheBoundAndNoFullDisk) {
  auto data = *this->open(1, 1, Expect::nothing, 2u << 20);
  const stdx::Bytes value(900u << 10, 'v');
  ASSERT_TRUE(this->put(*data, "first", value));
  for (int values = 2; values <= 16; values *= 2) {
    ports::DataBatch batch;
    for (int i = 0; i < values; ++i) batch.writes.push_back({"k" + std::to_string(i), value});
    const auto put = this->commit(*data, batch);
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code, stdx::Code::full) << values << " values: " << put.error().message;
  }
  EXPECT_TRUE(this->commit(*data, {{{"first", std::nullopt}}, {}}));
  EXPECT_TRUE(this->put(*data, "second", value));
}

REGISTER_TYPED_TEST_SUITE_P(DataContract,
                            PastItsBoundACommitIsRefusedWholeAndWhatIsDeletedMakesRoomAgain,
                            ACommitThatIsMuchLargerThanWhatIsLeftIsPastTheBoundAndNoFullDisk,
                            WhatWasCommittedIsThereForTheNextInstance,
                            P10AnOlderInstanceIsRefusedAtOpenAndAtItsLateCommit,
                            AStoreThatIsToBeThereAndIsNotIsRefusedAndNotMade,
                            ListGivesKeysInByteOrderBehindTheCursorAndWithinTheBound,
                            ListGivesAKeyThatIsPastTheBoundAndNothingOnlyAtTheEnd,
                            ABatchIsAllOrNothingAndADeleteSaysWhatWasThere,
                            RecordsChangeInTheTransactionOfTheWritesAndStayForTheNextInstance,
                            TheGuestsKeysAndTheRecordsAreTwoAreas);

}  // namespace adapters
