// SPDX-License-Identifier: Apache-2.0
#include "controlplane/recovery.h"

#include <gtest/gtest.h>

#include "controlplane/records_guard.h"
#include "wire/frame.h"

namespace controlplane {
namespace {

struct Fixture {
  ports::Store::Snapshot records;
  std::vector<HeldByZhost> held;
  std::vector<v1::Member> members;
  Recovery::Names names{"new", 1000, "now"};

  Fixture() {
    records.revision = 4;
    records.term = {2, "a/1/1", 9};
    v1::LineageRecord lineage;
    lineage.set_id("old");
    row("lineage", "", 3, lineage);
  }
  void row(const std::string& kind, const std::string& key, std::uint64_t version,
           const google::protobuf::Message& value) {
    records.records.push_back({kind, key, version, value.SerializeAsString()});
  }
  void row_of_space(const std::string& space, const std::string& zhost, std::uint64_t epoch) {
    v1::SpaceRecord record;
    record.set_topology_id("t");
    record.set_space(space);
    record.set_zhost(zhost);
    record.set_incarnation(1);
    record.set_epoch(epoch);
    row("space", "t/" + space, 5, record);
  }
  HeldByZhost& zhost(const std::string& name, const std::string& lineage, std::uint64_t counter) {
    auto& made = held.emplace_back();
    made.zhost = name;
    made.incarnation = 7;
    made.known.set_lineage(lineage);
    made.known.set_counter(counter);
    made.known.set_term(6);
    return made;
  }
  static void runs(HeldByZhost& zhost, const std::string& space, std::uint64_t epoch) {
    auto& place = zhost.places.emplace_back();
    place.mutable_header()->set_topology_id("t");
    place.mutable_header()->set_space(space);
    place.mutable_header()->set_epoch(epoch);
    place.mutable_header()->set_term(5);
    place.mutable_topology()->set_name("flow");
    place.set_mex_sha256("hash");
  }
  std::map<std::string, v1::SpaceRecord> spaces(const Recovery& recovery) const {
    std::map<std::string, v1::SpaceRecord> list;
    for (const auto& batch : recovery.batches())
      for (const auto& change : batch)
        if (change.kind == "space") list[change.key] = *wire::parse<v1::SpaceRecord>(*change.value);
    return list;
  }
};

TEST(RecoveryTest, P15TermAndEpochsBeginAboveEverythingReported) {
  Fixture f;
  Fixture::runs(f.zhost("a", "old", 30), "s", 12);
  v1::Floor floor;
  floor.set_epoch(40);
  f.held[0].floors.push_back(floor);
  const Recovery recovery(f.records, f.held, {}, f.names);
  EXPECT_GT(recovery.term(), 6u);
  EXPECT_EQ(recovery.lineage().epoch_floor(), 1040u);
}

TEST(RecoveryTest, P15WhatZhostsKnewIsPartOfTheNewLineage) {
  Fixture f;
  f.zhost("a", "old", 30);
  f.zhost("b", "lost", 77);
  const Recovery recovery(f.records, f.held, {}, f.names);
  RecordsGuard guard(stdx::Instant{});
  ASSERT_TRUE(guard.read(recovery.lineage(), 50, recovery.term()));
  for (const auto& zhost : f.held) EXPECT_TRUE(guard.hear(zhost.zhost, true, zhost.known));
  v1::RecordsKnown more = f.held[1].known;
  more.set_counter(78);
  EXPECT_FALSE(guard.hear("c", true, more)) << "what nobody told of is still ahead";
}

TEST(RecoveryTest, P15OfAnEmptiedDatabaseTopologiesAndPlacementsComeFromTheZhosts) {
  Fixture f;
  Fixture::runs(f.zhost("a", "lost", 30), "s", 2);
  Fixture::runs(f.zhost("b", "lost", 30), "r", 3);
  v1::Member member;
  member.set_zhost_id("a");
  member.set_incarnation(7);
  f.members = {member};
  const Recovery recovery(f.records, f.held, f.members, f.names);
  EXPECT_EQ(recovery.topologies_taken_over(), 1u);
  EXPECT_EQ(recovery.spaces_taken_over(), 2u);
  const auto spaces = f.spaces(recovery);
  EXPECT_EQ(spaces.at("t/s").zhost(), "a");
  EXPECT_EQ(spaces.at("t/s").incarnation(), 7u);
  EXPECT_EQ(spaces.at("t/r").epoch(), 3u);
  ASSERT_EQ(recovery.batches().size(), 1u);
  const auto& batch = recovery.batches()[0];
  ASSERT_EQ(batch[0].kind, "topology");
  const auto topology = *wire::parse<v1::TopologyRecord>(*batch[0].value);
  EXPECT_EQ(topology.spec().name(), "flow");
  EXPECT_EQ(topology.mex_sha256(), "hash");
  EXPECT_EQ(topology.blob_holders_size(), 2);
  EXPECT_EQ(batch.back().kind, "lineage");
  EXPECT_EQ(batch[batch.size() - 2].kind, "zhost") << "else its spaces would look forgotten";
}

TEST(RecoveryTest, P15TheHigherEpochCountsAndTwoCopiesOfOneGetANewOne) {
  Fixture f;
  f.row_of_space("older", "c", 1);
  f.row_of_space("newer", "c", 9);
  f.row_of_space("twice", "c", 2);
  auto& a = f.zhost("a", "old", 30);
  Fixture::runs(a, "older", 2);
  Fixture::runs(a, "newer", 2);
  Fixture::runs(a, "twice", 2);
  const Recovery recovery(f.records, f.held, {}, f.names);
  const auto spaces = f.spaces(recovery);
  EXPECT_EQ(spaces.at("t/older").zhost(), "a");
  EXPECT_EQ(spaces.at("t/older").epoch(), 2u);
  EXPECT_FALSE(spaces.contains("t/newer")) << "the row stays as it is";
  EXPECT_EQ(spaces.at("t/twice").zhost(), "a");
  EXPECT_GT(spaces.at("t/twice").epoch(), recovery.lineage().epoch_floor());
}

}  // namespace
}  // namespace controlplane
