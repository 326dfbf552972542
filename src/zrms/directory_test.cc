// SPDX-License-Identifier: Apache-2.0
#include "zrms/directory.h"

#include <gtest/gtest.h>

#include <set>

#include "zrms/test_records.h"

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
};

TEST_F(DirectoryTest, ANewReaderGetsTheWholeThenOnlyWhatChanged) {
  const auto whole = sender.next("a", 1);
  ASSERT_TRUE(whole);
  EXPECT_TRUE(whole->complete());
  EXPECT_EQ(whole->term(), 3u);
  ASSERT_EQ(whole->entries_size(), 2);
  EXPECT_EQ(whole->entries(1).space_index(), 1u);
  EXPECT_FALSE(sender.next("a", 1)) << "one answer is awaited at a time";
  sender.answered("a", true);
  EXPECT_FALSE(sender.next("a", 1)) << "it knows everything";
  rows.space("y", "a", 2);
  sender.update(rows.records);
  const auto more = sender.next("a", 1);
  ASSERT_TRUE(more);
  EXPECT_FALSE(more->complete());
  EXPECT_GT(more->sequence(), whole->sequence());
  ASSERT_EQ(more->entries_size(), 1);
  EXPECT_EQ(more->entries(0).space(), "y");
  EXPECT_EQ(more->entries(0).epoch(), 2u);
}

TEST_F(DirectoryTest, RowsThatDidNotChangeSendNothing) {
  sender.next("a", 1);
  sender.answered("a", true);
  sender.update(rows.records);
  EXPECT_FALSE(sender.next("a", 1));
}

TEST_F(DirectoryTest, AfterABadAnswerANewIncarnationOrANewReignTheWholeIsSentAgain) {
  sender.next("a", 1);
  sender.answered("a", false);
  EXPECT_TRUE(sender.next("a", 1)->complete());
  sender.answered("a", true);
  EXPECT_TRUE(sender.next("a", 2)->complete());
  sender.answered("a", true);
  sender.forget("a");
  EXPECT_TRUE(sender.next("a", 2)->complete());
  sender.answered("a", true);
  sender.restart(4, "s2");
  sender.update(rows.records);
  const auto whole = sender.next("a", 2);
  EXPECT_TRUE(whole->complete());
  EXPECT_EQ(whole->term(), 4u);
  EXPECT_EQ(whole->entries_size(), 2);
}

TEST_F(DirectoryTest, P13ARowThatWentIsSentAsRemoved) {
  sender.next("a", 1);
  sender.answered("a", true);
  rows.rows.mutable_records()->RemoveLast();
  rows.records.load(rows.rows);
  sender.update(rows.records);
  const auto update = sender.next("a", 1);
  ASSERT_TRUE(update);
  ASSERT_EQ(update->entries_size(), 1);
  EXPECT_EQ(update->entries(0).space(), "y");
  EXPECT_TRUE(update->entries(0).removed());
}

TEST_F(DirectoryTest, WhatEverybodyWasToldIsGoneIsForgotten) {
  sender.next("a", 1);
  sender.next("b", 1);
  sender.answered("a", true);
  rows.rows.mutable_records()->RemoveLast();
  rows.records.load(rows.rows);
  sender.update(rows.records);
  sender.next("a", 1);
  sender.answered("a", true);
  sender.update(rows.records);
  EXPECT_EQ(sender.entries(), 2u) << "b was told of it and not that it is gone";
  sender.answered("b", true);
  EXPECT_TRUE(sender.next("b", 1)->entries(0).removed());
  sender.answered("b", true);
  sender.update(rows.records);
  EXPECT_EQ(sender.entries(), 1u);
}

TEST_F(DirectoryTest, ADirectoryThatFitsNoFrameComesInParts) {
  for (std::size_t i = 0; i < 2 * DirectorySender::part_max; ++i) {
    v1::SpaceRecord record;
    record.set_topology_id("t");
    record.set_space(std::string(58, 's') + std::to_string(i));
    record.set_zhost(std::string(63, 'z'));
    auto* row = rows.rows.add_records();
    row->set_kind("space");
    row->set_value(record.SerializeAsString());
  }
  rows.records.load(rows.rows);
  sender.restart(4, "s");
  sender.update(rows.records);
  std::set<std::string> told;
  std::uint64_t last = 0;
  for (int part = 0; const auto update = sender.next("a", 1); ++part) {
    EXPECT_EQ(update->complete(), part == 0) << "only the first one throws the former away";
    EXPECT_LT(update->ByteSizeLong(), 4'000'000u);
    EXPECT_GT(update->sequence(), last);
    last = update->sequence();
    for (const auto& entry : update->entries()) told.insert(entry.space());
    sender.answered("a", true);
  }
  EXPECT_EQ(told.size(), rows.records.spaces().size());
}

}  // namespace
}  // namespace zrms
