// SPDX-License-Identifier: Apache-2.0
#include "zrms/directory.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "ports/transport.h"
#include "zrms/testing/records.h"

namespace zrms {
namespace {

struct DirectoryTest : testing::Test {
  TestRecords rows;
  DirectorySender sender;
  DirectoryTest() {
    model::Topology spec;
    spec.name = "t";
    spec.spaces.resize(2);
    spec.spaces[0].name = "x";
    spec.spaces[1].name = "y";
    rows.topology(spec);
    rows.space("x", "a", 1);
    rows.space("y", "b", 1);
    sender.restart(3, "s");
    sender.update(rows.records);
  }
  std::optional<DirectorySender::Part> under_way;
  std::optional<v1::DirectoryUpdate> tell(const std::string& zhost, std::uint64_t incarnation = 1) {
    sender.reader(zhost, incarnation);
    under_way = sender.next();
    if (!under_way) return std::nullopt;
    EXPECT_EQ(under_way->zhost, zhost);
    return under_way->update;
  }
  void answer(DirectorySender::Answer how) {
    sender.answered(under_way->zhost, under_way->bytes, how);
  }
  void fill(std::size_t spaces) {
    for (std::size_t i = 0; i < spaces; ++i) {
      v1::SpaceRecord record;
      record.set_topology_id("t");
      record.set_space(std::string(58, 's') + std::to_string(i));
      record.set_zhost(std::string(63, 'z'));
      auto* row = rows.rows.add_records();
      row->set_kind("space");
      row->set_key("t/" + record.space());
      row->set_value(record.SerializeAsString());
    }
    rows.records.load(rows.rows);
    sender.restart(4, "s");
    sender.update(rows.records);
  }
};

using Answer = DirectorySender::Answer;

TEST_F(DirectoryTest, ANewReaderGetsTheWholeThenOnlyWhatChanged) {
  const auto whole = tell("a");
  ASSERT_TRUE(whole);
  EXPECT_TRUE(whole->complete());
  EXPECT_EQ(whole->part(), 1u);
  EXPECT_EQ(whole->term(), 3u);
  ASSERT_EQ(whole->entries_size(), 2);
  EXPECT_EQ(whole->entries(1).space_index(), 1u);
  EXPECT_FALSE(sender.next()) << "one answer is awaited at a time";
  answer(Answer::taken);
  EXPECT_FALSE(sender.next()) << "it knows everything";
  rows.space("y", "a", 2);
  sender.update(rows.records);
  const auto more = tell("a");
  ASSERT_TRUE(more);
  EXPECT_FALSE(more->complete());
  EXPECT_EQ(more->part(), 0u);
  EXPECT_EQ(more->base(), whole->sequence());
  EXPECT_GT(more->sequence(), whole->sequence());
  ASSERT_EQ(more->entries_size(), 1);
  EXPECT_EQ(more->entries(0).space(), "y");
  EXPECT_EQ(more->entries(0).epoch(), 2u);
}

TEST_F(DirectoryTest, RowsThatDidNotChangeSendNothing) {
  tell("a");
  answer(Answer::taken);
  sender.update(rows.records);
  rows.records.load(rows.rows);
  sender.update(rows.records);
  EXPECT_FALSE(tell("a"));
}

TEST_F(DirectoryTest, AfterARefusalANewIncarnationOrANewReignTheWholeIsSentAgain) {
  tell("a");
  answer(Answer::taken);
  rows.space("y", "a", 2);
  sender.update(rows.records);
  tell("a");
  answer(Answer::refused);
  EXPECT_EQ(tell("a")->part(), 1u);
  answer(Answer::taken);
  EXPECT_EQ(tell("a", 2)->part(), 1u);
  answer(Answer::taken);
  sender.forget("a");
  EXPECT_EQ(tell("a", 2)->part(), 1u);
  answer(Answer::taken);
  sender.restart(4, "s2");
  sender.update(rows.records);
  const auto whole = tell("a", 2);
  EXPECT_TRUE(whole->complete());
  EXPECT_EQ(whole->term(), 4u);
  EXPECT_EQ(whole->entries_size(), 2);
}

TEST_F(DirectoryTest, AnIncrementWhoseAnswerWasLostIsSentAgainWithWhatCameSince) {
  const auto whole = tell("a");
  answer(Answer::taken);
  rows.space("y", "a", 2);
  sender.update(rows.records);
  tell("a");
  answer(Answer::lost);
  rows.space("x", "b", 2);
  sender.update(rows.records);
  const auto again = tell("a");
  EXPECT_EQ(again->base(), whole->sequence());
  EXPECT_EQ(again->entries_size(), 2);
}

TEST_F(DirectoryTest, P13ARowThatWentIsSentAsRemoved) {
  tell("a");
  answer(Answer::taken);
  rows.rows.mutable_records()->RemoveLast();
  rows.records.load(rows.rows);
  sender.update(rows.records);
  const auto update = tell("a");
  ASSERT_TRUE(update);
  ASSERT_EQ(update->entries_size(), 1);
  EXPECT_EQ(update->entries(0).space(), "y");
  EXPECT_TRUE(update->entries(0).removed());
}

TEST_F(DirectoryTest, WhatEverybodyWasToldIsGoneIsForgotten) {
  sender.reader("b", 1);
  tell("a");
  answer(Answer::taken);
  ASSERT_TRUE(tell("b"));
  const auto b = under_way;
  rows.rows.mutable_records()->RemoveLast();
  rows.records.load(rows.rows);
  sender.update(rows.records);
  ASSERT_TRUE(tell("a"));
  answer(Answer::taken);
  sender.update(rows.records);
  EXPECT_EQ(sender.entries(), 2u) << "b was told of it and not that it is gone";
  under_way = b;
  answer(Answer::taken);
  EXPECT_TRUE(tell("b")->entries(0).removed());
  answer(Answer::taken);
  sender.update(rows.records);
  EXPECT_EQ(sender.entries(), 1u);
}

TEST_F(DirectoryTest, PartsUnderWayToManyReadersStayFarBelowTheBoundOfALink) {
  fill(20'000);
  std::size_t bytes = 0, parts = 0;
  for (int i = 0; i < 64; ++i) sender.reader("z" + std::to_string(i), 1);
  while (const auto part = sender.next()) {
    bytes += part->update.ByteSizeLong();
    ++parts;
  }
  EXPECT_GT(parts, 1u);
  EXPECT_LE(bytes, DirectorySender::bytes_max + DirectorySender::part_bytes_max);
  EXPECT_LE(bytes, ports::Link::queue_bytes_max / 4);
}

// C++ on both sides: the sender, and the reader that has entries of a former term.
struct TransferTest : DirectoryTest {
  std::map<std::string, std::uint64_t> read;  // space -> epoch, what a reader would hold
  bool done = false;

  // As zmesh::Directory takes them: parts hold once the last one is there.
  std::map<std::string, std::uint64_t> coming;
  void take(const v1::DirectoryUpdate& update) {
    if (update.part() == 1) coming.clear();
    for (const auto& entry : update.entries()) {
      auto& into = update.part() > 0 && !done ? coming : read;
      if (entry.removed())
        into.erase(entry.space());
      else
        into[entry.space()] = entry.epoch();
    }
    if (update.complete() && !done) {
      read = coming;
      done = true;
    }
  }
};

TEST_F(TransferTest, ADirectoryThatFitsNoFrameArrivesWholeThoughAnswersAreLost) {
  fill(25'000);
  int parts = 0, round = 0;
  for (std::uint32_t last = 0; const auto update = tell("a"); ++round) {
    EXPECT_LT(update->ByteSizeLong(), 1'000'000u);
    if (!done) {
      EXPECT_GE(update->part(), last) << "from the beginning only where it was refused";
      last = update->part();
    }
    take(*update);
    ++parts;
    if (round == 3) {
      rows.space("x", "b", 9);  // named by a part that was taken already
      sender.update(rows.records);
    }
    answer(round % 3 == 1 ? Answer::lost : Answer::taken);
  }
  EXPECT_TRUE(done);
  EXPECT_GT(parts, 10);
  EXPECT_EQ(read.size(), rows.records.spaces().size());
  EXPECT_EQ(read["x"], 9u);
}

}  // namespace
}  // namespace zrms
