// SPDX-License-Identifier: Apache-2.0
#include "controlplane/leader_api.h"

#include <gtest/gtest.h>

#include "controlplane/testing/linked_control_plane.h"

namespace controlplane {
namespace {

using namespace std::chrono_literals;
using Fixture = LinkedControlPlane;

v1::CommitRequest commit_of(const char* kind, const char* key, std::uint64_t term) {
  v1::CommitRequest request;
  request.set_term(term);
  auto& change = *request.add_changes();
  change.set_kind(kind);
  change.set_key(key);
  change.set_value("v");
  return request;
}

TEST(ControlPlaneTest, P6TheTermChangesByCompareAndSetAndTheLeaderIsAnnounced) {
  Fixture f;
  f.post("a", 1);
  v1::CasTermRequest request;
  request.set_next_term(1);
  request.set_next_holder("a/1/1");
  const auto first = f.ask("controlplane.cas_term", request.SerializeAsString());
  EXPECT_EQ(first.status().code(), 0);
  EXPECT_EQ(first.to().zhost(), "a") << "an answer goes to the link's zhost, whatever it claims";
  f.world.run_for(100ms);
  EXPECT_EQ(wire::parse<v1::MembersChanged>(f.got().back().body())->leader(), "a");
  const auto second = f.ask("controlplane.cas_term", request.SerializeAsString());
  EXPECT_EQ(second.status().code(), static_cast<int>(stdx::Code::conflict));
}

TEST(ControlPlaneTest, P15AZhostThatHasNotSaidWhatItKnowsTakesNoTerm) {
  Fixture f;
  v1::CasTermRequest request;
  request.set_next_term(1);
  request.set_next_holder("a/1/1");
  EXPECT_EQ(f.ask("controlplane.cas_term", request.SerializeAsString()).status().code(),
            static_cast<int>(stdx::Code::unavailable));
  f.post("a", 1);
  f.world.run_for(100ms);
  f.got().clear();
  EXPECT_EQ(f.ask("controlplane.cas_term", request.SerializeAsString()).status().code(), 0);
}

TEST(ControlPlaneTest, P7ABatchIsCheckedAgainstTheTermAndReadBack) {
  Fixture f;
  f.database.cas_term(0, 3, "a/1/1");
  auto request = commit_of("space", "t/x", 2);
  EXPECT_EQ(f.ask("controlplane.commit", request.SerializeAsString()).status().code(),
            static_cast<int>(stdx::Code::stale));
  f.got().clear();
  request.set_term(3);
  EXPECT_EQ(f.ask("controlplane.commit", request.SerializeAsString()).status().code(), 0);
  f.got().clear();
  const auto read = wire::parse<v1::RecordsReply>(
      f.ask("controlplane.read_since", v1::ReadSinceRequest().SerializeAsString()).body());
  ASSERT_EQ(read->records_size(), 2);
  EXPECT_EQ(read->records(0).kind(), "lineage");
  EXPECT_EQ(read->records(1).version(), 1u);
}

TEST(ControlPlaneTest, P7RecordsThatFitNoFrameAreReadInPages) {
  Fixture f;
  for (int i = 0; i < 9; ++i) {
    const stdx::Bytes value(ports::Store::value_bytes_max, static_cast<char>('a' + i));
    ASSERT_TRUE(f.database.commit({}, {{"topology", "t" + std::to_string(i), 0, value}}));
  }
  v1::ReadSinceRequest request;
  std::string keys;
  for (bool more = true; more;) {
    f.got().clear();
    const auto answer = f.ask("controlplane.read_since", request.SerializeAsString());
    ASSERT_EQ(answer.status().code(), 0) << answer.status().message();
    const auto page = wire::parse<v1::RecordsReply>(answer.body());
    EXPECT_EQ(page->revision(), 10u) << "the lineage, and nine";
    ASSERT_GT(page->records_size(), 0);
    for (const auto& record : page->records()) keys += record.key();
    request.mutable_after()->set_kind("topology");
    request.mutable_after()->set_key(page->records(page->records_size() - 1).key());
    more = page->more();
  }
  EXPECT_EQ(keys, "t0t1t2t3t4t5t6t7t8");
}

TEST(ControlPlaneTest, ALeaderDoesNotWriteTheKeysOfZhosts) {
  Fixture f;
  f.database.cas_term(0, 3, "a/1/1");
  const auto request = commit_of("key", "z", 3);
  EXPECT_EQ(f.ask("controlplane.commit", request.SerializeAsString()).status().code(),
            static_cast<int>(stdx::Code::denied));
}

TEST(ControlPlaneTest, P15TheLeaderThatKnowsOfMoreIsBelieved) {
  Fixture f;
  f.post("a", 1);
  v1::CommitRequest commit;
  commit.mutable_known()->set_lineage(
      wire::parse<v1::LineageRecord>(f.database.copy().rows.at({"lineage", ""}).value)->id());
  commit.mutable_known()->set_counter(f.database.revision() + 1);
  EXPECT_NE(f.ask("controlplane.commit", commit.SerializeAsString()).status().code(), 0);
  EXPECT_EQ(f.service->records(), RecordsGuard::Phase::behind);
}

}  // namespace
}  // namespace controlplane
