// SPDX-License-Identifier: Apache-2.0
#pragma once

// The contract of ports::Store as tests, the same for memory, SQLite and PostgreSQL. A backend
// gives a fixture with `store()` and `wait<T>(start)`, which runs one call to its answer, and
// instantiates StoreContract with it.

#include <gtest/gtest.h>

#include "ports/store.h"

namespace adapters {

template <typename Backend>
class StoreContract : public testing::Test {
 protected:
  Backend backend_;

  stdx::Result<ports::TermRow> cas(std::uint64_t version, std::uint64_t term, std::string holder) {
    return backend_.template wait<ports::TermRow>(
        [&](auto done) { backend_.store().cas_term(version, term, holder, done); });
  }
  stdx::Result<ports::Store::Committed> commit(std::optional<std::uint64_t> term,
                                               std::vector<ports::RecordChange> changes) {
    return backend_.template wait<ports::Store::Committed>(
        [&](auto done) { backend_.store().commit(term, changes, done); });
  }
  ports::Store::Snapshot read(std::uint64_t since = 0) {
    return *backend_.template wait<ports::Store::Snapshot>(
        [&](auto done) { backend_.store().read_since(since, done); });
  }
};

TYPED_TEST_SUITE_P(StoreContract);

TYPED_TEST_P(StoreContract, P6TheTermChangesOnlyFromTheVersionThatWasSeen) {
  EXPECT_EQ(this->read().term, (ports::TermRow{0, "", 0}));
  EXPECT_EQ(*this->cas(0, 1, "a/1/1"), (ports::TermRow{1, "a/1/1", 1}));
  EXPECT_EQ(this->cas(0, 2, "b/1/1").error().code, stdx::Code::conflict);
  EXPECT_EQ(this->cas(1, 1, "a/1/1")->version, 2u);
  EXPECT_EQ(this->read().term, (ports::TermRow{1, "a/1/1", 2}));
}

TYPED_TEST_P(StoreContract, P7ABatchOfAnotherTermOrVersionChangesNothing) {
  ASSERT_TRUE(this->cas(0, 1, "a/1/1"));
  ASSERT_TRUE(this->commit(1, {{"space", "s", 0, "x"}}));
  EXPECT_EQ(this->commit(2, {{"space", "s", 1, "y"}}).error().code, stdx::Code::stale);
  EXPECT_EQ(this->commit(1, {{"space", "t", 0, "z"}, {"space", "s", 9, "y"}}).error().code,
            stdx::Code::conflict);
  const auto now = this->read();
  ASSERT_EQ(now.records.size(), 1u);
  EXPECT_EQ(now.records[0], (ports::Record{"space", "s", 1, "x"}));
}

TYPED_TEST_P(StoreContract, ReadingSinceARevisionGivesWhatChangedAndWhatWentSorted) {
  ASSERT_TRUE(this->commit(std::nullopt, {{"b", "1", 0, "x"}, {"a", "1", 0, "y"}}));
  const auto first = this->read();
  ASSERT_EQ(first.records.size(), 2u);
  EXPECT_EQ(first.records[0].kind, "a");
  ASSERT_TRUE(this->commit(std::nullopt, {{"a", "1", 1, std::nullopt}, {"c", "1", 0, "z"}}));
  const auto later = this->read(first.revision);
  ASSERT_EQ(later.records.size(), 1u);
  EXPECT_EQ(later.records[0].kind, "c");
  ASSERT_EQ(later.deleted.size(), 1u);
  EXPECT_EQ(later.deleted[0].first, "a");
  EXPECT_EQ(this->read().records.size(), 2u);
  EXPECT_GT(later.revision, first.revision);
}

TYPED_TEST_P(StoreContract, ARowThatWasDeletedCanBeMadeAnew) {
  ASSERT_TRUE(this->commit(std::nullopt, {{"a", "1", 0, "x"}}));
  ASSERT_TRUE(this->commit(std::nullopt, {{"a", "1", 1, std::nullopt}}));
  ASSERT_TRUE(this->commit(std::nullopt, {{"a", "1", 0, "again"}}));
  EXPECT_EQ(this->read().records[0].value, "again");
}

TYPED_TEST_P(StoreContract, ABatchPastItsBoundIsRefused) {
  std::vector<ports::RecordChange> many;
  for (std::size_t i = 0; i <= ports::Store::batch_changes_max; ++i)
    many.push_back({"a", std::to_string(i), 0, "x"});
  EXPECT_EQ(this->commit(std::nullopt, many).error().code, stdx::Code::full);
  many.pop_back();
  EXPECT_TRUE(this->commit(std::nullopt, many));
  EXPECT_EQ(this->read().records.size(), ports::Store::batch_changes_max);
}

TYPED_TEST_P(StoreContract, AnyBytesAreKeptAsTheyAre) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  ASSERT_TRUE(this->commit(std::nullopt, {{"a", "1", 0, bytes}, {"a", "2", 0, ""}}));
  EXPECT_EQ(this->read().records[0].value, bytes);
  EXPECT_EQ(this->read().records[1].value, "");
}

TYPED_TEST_P(StoreContract, P6ATermNeverFalls) {
  ASSERT_TRUE(this->cas(0, 5, "a/1/1"));
  EXPECT_EQ(this->cas(1, 4, "b/1/1").error().code, stdx::Code::invalid);
  EXPECT_EQ(this->read().term, (ports::TermRow{5, "a/1/1", 1}));
}

TYPED_TEST_P(StoreContract, ABatchThatChangesARowTwiceOrHoldsAHugeValueChangesNothing) {
  EXPECT_EQ(this->commit(std::nullopt, {{"a", "1", 0, "x"}, {"a", "1", 1, "y"}}).error().code,
            stdx::Code::invalid);
  const std::string huge(ports::Store::value_bytes_max + 1, 'x');
  EXPECT_EQ(this->commit(std::nullopt, {{"a", "1", 0, huge}}).error().code, stdx::Code::invalid);
  EXPECT_EQ(this->commit(std::nullopt, {{"a", std::string("1\0", 2), 0, "x"}}).error().code,
            stdx::Code::invalid);
  EXPECT_TRUE(this->read().records.empty());
  EXPECT_TRUE(this->commit(std::nullopt, {{"a", "1", 0, huge.substr(1)}}));
  EXPECT_EQ(this->read().records[0].value.size(), ports::Store::value_bytes_max);
}

TYPED_TEST_P(StoreContract, APageEndsPastItsBytesAndTheNextOneGoesOnAfterIt) {
  std::vector<ports::RecordChange> rows;
  for (int i = 0; i < 500; ++i)
    rows.push_back({"a", std::to_string(1000 + i), 0, std::string(100, 'x')});
  ASSERT_TRUE(this->commit(std::nullopt, rows));
  ASSERT_TRUE(this->commit(std::nullopt, {{"a", "1003", 1, std::nullopt}}));
  ports::Store::Page page{.revision = 0, .after = std::nullopt, .bytes_max = 1000};
  std::size_t pages = 0, records = 0;
  std::string last;
  for (bool more = true; more; ++pages) {
    const auto got = *this->backend_.template wait<ports::Store::Snapshot>(
        [&](auto done) { this->backend_.store().read_page(page, done); });
    ASSERT_FALSE(got.records.empty());
    EXPECT_GT(got.records.front().key, last);
    EXPECT_LE(got.records.size(), 10u) << "no more is read than asked for";
    last = got.records.back().key;
    records += got.records.size();
    page.after = {got.records.back().kind, last};
    more = got.more;
  }
  EXPECT_EQ(records, 499u);
  EXPECT_GT(pages, 40u);
}

TYPED_TEST_P(StoreContract, OldDeletionsAreForgottenAndAReaderFurtherBackIsGivenEverything) {
  ASSERT_TRUE(this->commit(std::nullopt, {{"kept", "1", 0, "x"}}));
  const auto far_back = this->read().revision;
  const auto deleted = ports::Store::deleted_max + 2 * ports::Store::deleted_step;
  for (std::size_t i = 0; i < deleted; i += ports::Store::batch_changes_max) {
    std::vector<ports::RecordChange> made, gone;
    for (std::size_t k = i; k < i + ports::Store::batch_changes_max; ++k) {
      made.push_back({"a", std::to_string(k), 0, ""});
      gone.push_back({"a", std::to_string(k), 1, std::nullopt});
    }
    ASSERT_TRUE(this->commit(std::nullopt, made));
    ASSERT_TRUE(this->commit(std::nullopt, gone));
  }
  const auto near = this->read().revision;
  for (std::uint64_t version = 1; version <= 64; ++version)
    ASSERT_TRUE(this->commit(std::nullopt, {{"kept", "1", version, "y"}}));
  const auto all = this->read(far_back);
  EXPECT_TRUE(all.whole);
  EXPECT_EQ(all.records.size(), 1u);
  EXPECT_TRUE(all.deleted.empty());
  const auto later = this->read(near);
  EXPECT_FALSE(later.whole);
  EXPECT_EQ(later.records.size(), 1u);
  EXPECT_TRUE(later.deleted.empty());
}

REGISTER_TYPED_TEST_SUITE_P(StoreContract, P6TheTermChangesOnlyFromTheVersionThatWasSeen,
                            P7ABatchOfAnotherTermOrVersionChangesNothing,
                            ReadingSinceARevisionGivesWhatChangedAndWhatWentSorted,
                            ARowThatWasDeletedCanBeMadeAnew, ABatchPastItsBoundIsRefused,
                            AnyBytesAreKeptAsTheyAre, P6ATermNeverFalls,
                            ABatchThatChangesARowTwiceOrHoldsAHugeValueChangesNothing,
                            APageEndsPastItsBytesAndTheNextOneGoesOnAfterIt,
                            OldDeletionsAreForgottenAndAReaderFurtherBackIsGivenEverything);

}  // namespace adapters
