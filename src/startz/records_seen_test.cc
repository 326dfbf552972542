// SPDX-License-Identifier: Apache-2.0
#include "startz/records_seen.h"

#include <gtest/gtest.h>

#include "stdx/encoding.h"

namespace startz {
namespace {

const auto lineage_l = stdx::uuid_from(1, 1), lineage_m = stdx::uuid_from(2, 2);

v1::RecordsKnown known(const std::string& lineage, std::uint64_t counter, std::uint64_t term) {
  v1::RecordsKnown k;
  k.set_lineage(lineage);
  k.set_counter(counter);
  k.set_term(term);
  return k;
}

v1::CommandHeader header(const std::string& lineage, std::uint64_t counter,
                         std::uint64_t term = 2) {
  v1::CommandHeader h;
  h.set_term(term);
  h.set_lineage(lineage);
  h.set_counter(counter);
  return h;
}

TEST(RecordsSeenTest, P15TheHighestCounterAndTermAreKept) {
  RecordsSeen seen({});
  EXPECT_TRUE(seen.hear(header(lineage_l, 7, 2)));
  EXPECT_FALSE(seen.hear(header(lineage_l, 5, 1))) << "late words are no news";
  EXPECT_TRUE(seen.hear(header(lineage_l, 5, 3)));
  EXPECT_EQ(seen.known().counter(), 7u);
  EXPECT_EQ(seen.known().term(), 3u);
}

TEST(RecordsSeenTest, P15OnlyTheControlPlaneOrADirectoryThatContinuesItLeadsToAnotherLineage) {
  RecordsSeen seen(known(lineage_l, 7, 2));
  EXPECT_NE(seen.refusal(header(lineage_m, 90, 9)), "");
  EXPECT_FALSE(seen.hear(header(lineage_m, 90, 9)));
  v1::RecordsNews news;
  *news.mutable_known() = known(lineage_m, 9, 3);
  EXPECT_FALSE(seen.hear(news)) << "it does not say what it continues";
  auto* former = news.add_former();
  former->set_id(lineage_l);
  former->set_last_counter(6);
  EXPECT_FALSE(seen.hear(news)) << "it lacks a change that is known here";
  former->set_last_counter(7);
  EXPECT_TRUE(seen.hear(news));
  EXPECT_EQ(seen.known().lineage(), lineage_m);
  EXPECT_NE(seen.refusal(header(lineage_l, 1)), "") << "a late command of the former one";
  EXPECT_TRUE(seen.admitted(known(lineage_l, 3, 1)));
  EXPECT_EQ(seen.known().counter(), 3u);
}

TEST(RecordsSeenTest, P15BetweenReportAndAnswerNothingNewerIsTaken) {
  RecordsSeen seen(known(lineage_l, 7, 2));
  EXPECT_EQ(seen.refusal(header(lineage_l, 8)), "");
  seen.report();
  EXPECT_EQ(seen.refusal(header(lineage_l, 7)), "");
  EXPECT_NE(seen.refusal(header(lineage_l, 8)), "");
  EXPECT_NE(seen.refusal(header(lineage_m, 1)), "");
  v1::RecordsNews late;
  *late.mutable_known() = known(lineage_l, 8, 2);
  EXPECT_TRUE(seen.hear(late));
  EXPECT_NE(seen.refusal(header(lineage_l, 8)), "") << "what was reported counts";
  seen.admitted(known(lineage_l, 8, 3));
  EXPECT_EQ(seen.refusal(header(lineage_l, 8)), "");
}

TEST(RecordsSeenTest, WhatIsOnDiskComesBackAndRubbishIsSaid) {
  const auto back = records_from_line(to_line(known(lineage_l, 12, 3)));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->SerializeAsString(), known(lineage_l, 12, 3).SerializeAsString());
  for (const char* bad : {"", "x 1 2", "00000000-0000-0000-0000-000000000001 1", "1 2 3 4"})
    EXPECT_FALSE(records_from_line(bad)) << bad;
}

}  // namespace
}  // namespace startz
