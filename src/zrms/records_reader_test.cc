// SPDX-License-Identifier: Apache-2.0
#include "zrms/records_reader.h"

#include <gtest/gtest.h>

#include "stdx/text.h"
#include "wire/topology_codec.h"

namespace zrms {
namespace {

v1::RecordsReply rows(int spaces) {
  model::Topology topology;
  topology.name = "large";
  for (int i = 0; i < spaces; ++i) topology.spaces.emplace_back().name = stdx::format("s{:05}", i);
  v1::TopologyRecord record;
  record.set_id("t");
  record.set_mex_sha256("own");
  *record.mutable_spec() = wire::to_wire(topology);
  v1::RecordsReply reply;
  reply.set_revision(7);
  const auto add = [&](const char* kind, const std::string& key, const std::string& value) {
    auto* row = reply.add_records();
    row->set_kind(kind);
    row->set_key(key);
    row->set_value(value);
    row->set_version(1);
  };
  for (int i = 0; i < spaces; ++i) {
    v1::SpaceRecord space;
    space.set_topology_id("t");
    space.set_space(topology.spaces[static_cast<std::size_t>(i)].name);
    space.set_zhost("a");
    space.set_mex_sha256(i % 2 == 0 ? "own" : "former");
    add("space", "t/" + space.space(), space.SerializeAsString());
  }
  add("topology", "t", record.SerializeAsString());
  add("version", "t/1", "no record");
  return reply;
}

TEST(RecordsReaderTest, NoStepReadsMoreThanOnePartOfALargeRowOrSomeSmallOnes) {
  const int spaces = 2000;
  RecordsReader reader(rows(spaces));
  int steps = 1;
  while (reader.step()) ++steps;
  // Both passes go over all rows; a topology takes three steps.
  EXPECT_GE(steps, 2 * spaces / RecordsReader::rows_at_once + 3);
  const auto records = reader.take();
  EXPECT_EQ(records.counter(), 7u);
  EXPECT_EQ(records.spaces().size(), static_cast<std::size_t>(spaces));
  ASSERT_NE(records.by_name("large"), nullptr);
  EXPECT_EQ(records.by_name("large")->spec().spaces.size(), static_cast<std::size_t>(spaces));
  EXPECT_EQ(records.load_of("a").spaces, static_cast<std::size_t>(spaces));
  EXPECT_EQ(records.unreadable(), std::set<std::string>{"version/t/1"});
}

TEST(RecordsReaderTest, AnArchiveIsNeededAsLongAsAVersionOrAPlacedSpaceNeedsIt) {
  Records records;
  records.load(rows(4));
  using List = std::vector<std::string>;
  EXPECT_EQ(records.topology("t")->archives, (List{"former", "own"}));
  for (const char* name : {"s00001", "s00003"}) {
    const auto* row = records.space("t", name);
    auto moved = row->record;
    moved.set_mex_sha256("own");
    records.apply({change_of(*row, moved)});
  }
  EXPECT_EQ(records.topology("t")->archives, List{"own"});
  const auto& row = *records.topology("t");
  records.apply({keep(row)});
  auto next = row.record;
  next.set_mex_sha256("newer");
  records.apply({change_of(row, next, text_of(row.spec()))});
  EXPECT_EQ(records.topology("t")->archives, (List{"newer", "own"}));
}

TEST(RecordsReaderTest, ARowIsWrittenAsItIsReadThoughItsTextIsKeptApart) {
  Records records;
  records.load(rows(3));
  const auto& row = *records.topology("t");
  auto next = row.record;
  next.set_state("running");
  const auto request = to_request(1, {change_of(row, next), keep(row)});
  v1::TopologyRecord written;
  ASSERT_TRUE(written.ParseFromString(request.changes(0).value()));
  EXPECT_EQ(written.state(), "running");
  EXPECT_EQ(written.spec().SerializeAsString(), wire::to_wire(row.spec()).SerializeAsString());
  v1::VersionRecord kept;
  ASSERT_TRUE(kept.ParseFromString(request.changes(1).value()));
  EXPECT_EQ(kept.spec().spaces_size(), 3);
}

}  // namespace
}  // namespace zrms
