// SPDX-License-Identifier: Apache-2.0
// Records of a ledger, and both ends of a stream whose numbers go on across generations.
#include <gtest/gtest.h>

#include "simkit/stub_engine.h"
#include "zrun/in_window.h"
#include "zrun/ledger_records.h"
#include "zrun/out_stream.h"

namespace zrun {
namespace {

// --- records ---

std::vector<ports::DataRecord> stored(std::vector<ports::DataWrite> writes) {
  std::map<stdx::Bytes, stdx::Bytes> area;
  for (auto& write : writes)
    if (write.value)
      area[write.key] = *write.value;
    else
      area.erase(write.key);
  std::vector<ports::DataRecord> records;
  for (auto& [key, value] : area) records.push_back({key, value});
  return records;
}

TEST(LedgerRecordsTest, WhatIsPutParsesToTheSameInTheOrderOfTheNumbers) {
  using namespace ledger;
  const Cursor cursor{{3, 7}, 0xfedcba9876543210ull, 300};
  std::vector<ports::DataWrite> writes = {put_stream(9), put_cursor("in", cursor),
                                          put_last("out", 301)};
  for (std::uint64_t seq = 250; seq <= 301; ++seq)
    writes.push_back(put_entry("out", seq, std::to_string(seq)));
  for (std::uint64_t seq = 250; seq < 255; ++seq) writes.push_back(remove_entry("out", seq));
  writes.push_back(put_last("other", 5));
  const auto contents = parse(stored(writes));
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->stream, 9u);
  EXPECT_EQ(contents->cursors.at("in"), cursor);
  EXPECT_EQ(contents->outboxes.at("other").last, 5u);
  const auto& outbox = contents->outboxes.at("out");
  EXPECT_EQ(outbox.last, 301u);
  ASSERT_EQ(outbox.entries.size(), 47u);
  EXPECT_EQ(outbox.entries.front(), "255");
  EXPECT_EQ(outbox.entries.back(), "301");
}

TEST(LedgerRecordsTest, S17RecordsThatCannotBeAreCorrupt) {
  using namespace ledger;
  const auto corrupt = [](std::vector<ports::DataWrite> writes) {
    const auto contents = parse(stored(std::move(writes)));
    return !contents && contents.error().code == stdx::Code::corrupt;
  };
  EXPECT_FALSE(corrupt({}));
  EXPECT_TRUE(corrupt({{"stream", "short"}}));
  EXPECT_TRUE(corrupt({{"unknown", ""}}));
  EXPECT_TRUE(corrupt({{"cursor/p", "short"}}));
  EXPECT_TRUE(corrupt({put_stream(1), {"outbox/p", ""}}));
  EXPECT_TRUE(corrupt({put_stream(1), put_entry("p", 0, ""), put_last("p", 0)})) << "from 1 on";
  EXPECT_TRUE(corrupt({put_last("p", 1)})) << "no stream";
  EXPECT_TRUE(corrupt({put_stream(1), put_entry("p", 1, ""), put_last("p", 2)})) << "one is gone";
  EXPECT_TRUE(
      corrupt({put_stream(1), put_entry("p", 1, ""), put_entry("p", 3, ""), put_last("p", 3)}))
      << "a gap";
}

// --- streams across lives ---

TEST(InWindowTest, AStoredStreamGoesOnWithTheNextLifeOfItsSender) {
  InWindow in;
  ASSERT_TRUE(in.open({1, 1}, 1, /*stream=*/5));
  in.took(1);
  in.took(2);
  in.finish(1);
  ASSERT_TRUE(in.open({2, 1}, 2, 5));
  EXPECT_EQ(in.judge({2, 1}, 2, false), InWindow::Verdict::repeat) << "it is in the mailbox";
  EXPECT_EQ(in.judge({2, 1}, 3, false), InWindow::Verdict::take);
  EXPECT_EQ(in.judge({1, 1}, 3, false), InWindow::Verdict::stale) << "S1";
  EXPECT_TRUE(in.counts({1, 1})) << "the numbers of its former life are the same ones";
}

TEST(InWindowTest, AnotherOutboxIsAnotherStream) {
  InWindow in;
  ASSERT_TRUE(in.open({1, 1}, 1, 5));
  for (std::uint64_t seq = 1; seq <= 9; ++seq) in.took(seq);
  ASSERT_TRUE(in.open({2, 1}, 1, 6));
  EXPECT_EQ(in.judge({2, 1}, 1, false), InWindow::Verdict::take);
  EXPECT_FALSE(in.counts({1, 1}));
}

TEST(InWindowTest, ANewLifeOfAPlainSenderStartsAgainAndOldMessagesDoNotCount) {
  InWindow in;
  ASSERT_TRUE(in.open({1, 1}, 1));
  in.took(1);
  ASSERT_TRUE(in.open({1, 2}, 1));
  EXPECT_EQ(in.judge({1, 2}, 1, false), InWindow::Verdict::take);
  EXPECT_FALSE(in.counts({1, 1})) << "the same epoch, an earlier run";
}

TEST(InWindowTest, AReceiverGoesOnBehindItsCursor) {
  InWindow in;
  in.resume({{1, 1}, 5, 7});
  EXPECT_EQ(in.judge({1, 1}, 7, false), InWindow::Verdict::repeat);
  EXPECT_EQ(in.judge({1, 1}, 8, false), InWindow::Verdict::take);
  ASSERT_TRUE(in.open({3, 1}, 5, 5));
  EXPECT_EQ(in.judge({3, 1}, 7, false), InWindow::Verdict::repeat);
  EXPECT_EQ(in.finished(), 7u);
}

TEST(OutStreamTest, AResumedStreamTakesAnAcknowledgementOfWhatItHasNotSentItself) {
  MessagePool pool;
  OutStream out({.delivery = model::Delivery::once, .window = 2});
  out.resume(5, 9, {pool.make("6"), pool.make("7"), pool.make("8"), pool.make("9")});
  EXPECT_EQ(out.first_unfinished(), 6u);
  EXPECT_EQ(out.next()->payload, "6");
  EXPECT_FALSE(out.next()->redelivered);
  out.sent();
  out.finished(8);
  EXPECT_EQ(out.next()->payload, "9");
  out.finished(10);
  EXPECT_EQ(out.first_unfinished(), 9u) << "10 was never given";
  EXPECT_EQ(out.push(pool.make("10")), 10u);
}

TEST(OutStreamTest, AResumedAtLeastOnceStreamIsMarkedAsItMayHaveBeenSent) {
  MessagePool pool;
  OutStream out({});
  out.resume(5, 2, {pool.make("1"), pool.make("2")});
  EXPECT_TRUE(out.next()->redelivered);
  out.push(pool.make("3"));
  out.finished(2);
  EXPECT_FALSE(out.next()->redelivered);
}

}  // namespace
}  // namespace zrun
