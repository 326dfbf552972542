// SPDX-License-Identifier: Apache-2.0
#include "zrms/record_loader.h"

#include <gtest/gtest.h>

#include "zrms/records.h"

namespace zrms {
namespace {

using Got = RecordLoader::Got;

v1::RecordsReply page(std::uint64_t revision, bool more,
                      const std::vector<std::pair<std::string, std::string>>& rows,
                      std::uint64_t term = 5) {
  v1::RecordsReply reply;
  reply.set_revision(revision);
  reply.set_more(more);
  reply.mutable_term()->set_term(term);
  for (const auto& [key, value] : rows) {
    auto* record = reply.add_records();
    record->set_kind("space");
    record->set_key(key);
    record->set_value(value);
  }
  return reply;
}

std::string text_of(const v1::RecordsReply& all) {
  std::string text;
  for (const auto& record : all.records()) text += record.key() + "=" + record.value() + " ";
  return text;
}

TEST(RecordLoaderTest, P7PagesOfOneRevisionAreOneState) {
  RecordLoader loader;
  loader.begin(5);
  EXPECT_EQ(loader.next().revision(), 0u);
  EXPECT_FALSE(loader.next().has_after());
  EXPECT_EQ(loader.take(page(7, true, {{"a", "1"}})), Got::more);
  EXPECT_EQ(loader.next().after().key(), "a");
  EXPECT_EQ(loader.take(page(7, false, {{"b", "1"}})), Got::whole);
  const auto all = loader.records();
  EXPECT_EQ(text_of(all), "a=1 b=1 ");
  EXPECT_EQ(all.revision(), 7u);
}

TEST(RecordLoaderTest, P7ACommitInBetweenCostsOnePageAndNoNewBeginning) {
  RecordLoader loader;
  loader.begin(5);
  loader.take(page(7, true, {{"a", "1"}, {"b", "1"}}));
  EXPECT_EQ(loader.take(page(9, false, {{"c", "2"}})), Got::more);
  EXPECT_EQ(loader.next().revision(), 7u);
  EXPECT_FALSE(loader.next().has_after());
  auto changes = page(10, false, {{"a", "2"}, {"c", "2"}});
  auto* gone = changes.add_deleted();
  gone->set_kind("space");
  gone->set_key("b");
  EXPECT_EQ(loader.take(changes), Got::whole);
  const auto all = loader.records();
  EXPECT_EQ(text_of(all), "a=2 c=2 ");
  EXPECT_EQ(all.revision(), 10u);
}

TEST(RecordLoaderTest, P7ChangesOfSeveralPagesAreReadAgainFromTheFirstOfThem) {
  RecordLoader loader;
  loader.begin(5);
  loader.take(page(7, true, {{"a", "1"}}));
  loader.take(page(8, false, {{"z", "1"}}));
  EXPECT_EQ(loader.take(page(9, true, {{"a", "2"}})), Got::more);
  EXPECT_EQ(loader.next().after().key(), "a");
  EXPECT_EQ(loader.take(page(10, false, {{"b", "2"}})), Got::more);
  EXPECT_EQ(loader.next().revision(), 9u);
  EXPECT_EQ(loader.take(page(10, false, {{"a", "3"}})), Got::whole);
  EXPECT_EQ(text_of(loader.records()), "a=3 b=2 z=1 ");
}

TEST(RecordLoaderTest, P7RecordsOfAnotherTermAreNotTaken) {
  RecordLoader loader;
  loader.begin(5);
  EXPECT_EQ(loader.take(page(7, false, {}, 6)), Got::begin_anew);
  loader.begin(5);
  auto purged = page(7, false, {});
  purged.set_whole(true);
  EXPECT_EQ(loader.take(purged), Got::begin_anew);
}

TEST(RecordLoaderTest, ItGivesUpWhereTheRecordsNeverRest) {
  RecordLoader loader;
  loader.begin(5);
  auto got = Got::more;
  std::uint64_t revision = 1;
  int pages = 0;
  while (got == Got::more && pages < 1000) {
    got = loader.take(page(++revision, pages % 2 == 0, {{"a", "1"}}));
    ++pages;
  }
  EXPECT_EQ(got, Got::begin_anew);
}

v1::RecordsReply of_lineage(const v1::LineageRecord& lineage, std::uint64_t revision) {
  auto reply = page(revision, false, {});
  auto* record = reply.add_records();
  record->set_kind("lineage");
  record->set_value(lineage.SerializeAsString());
  return reply;
}

TEST(RecordsTest, P15RecordsThatWentBackAreToldFromThoseThatGoOn) {
  v1::LineageRecord first, second, other;
  first.set_id("first");
  second.set_id("second");
  other.set_id("other");
  auto* former = second.add_former();
  former->set_id("first");
  former->set_last_counter(64);

  Records records;
  EXPECT_TRUE(records.is_continued_by(of_lineage(other, 1))) << "nothing is known yet";
  records.load(of_lineage(first, 64));
  EXPECT_TRUE(records.is_continued_by(of_lineage(first, 64)));
  EXPECT_FALSE(records.is_continued_by(of_lineage(first, 58))) << "an older copy";
  EXPECT_FALSE(records.is_continued_by(of_lineage(other, 99))) << "another history";
  EXPECT_TRUE(records.is_continued_by(of_lineage(second, 65))) << "it goes on from change 64";
  records.load(of_lineage(first, 65));
  EXPECT_FALSE(records.is_continued_by(of_lineage(second, 66))) << "it lacks change 65";
}

}  // namespace
}  // namespace zrms
