// SPDX-License-Identifier: Apache-2.0
#include "zmesh/directory.h"

#include <gtest/gtest.h>

#include "stdx/encoding.h"

namespace zmesh {
namespace {

const std::string topology = stdx::uuid_from(1, 2);

v1::DirectoryEntry entry(std::string space, std::uint32_t index, std::string zhost,
                         std::uint64_t epoch) {
  v1::DirectoryEntry e;
  e.set_topology_id(topology);
  e.set_space(std::move(space));
  e.set_space_index(index);
  e.set_zhost(std::move(zhost));
  e.set_epoch(epoch);
  return e;
}

v1::DirectoryUpdate update(std::uint64_t term, std::vector<v1::DirectoryEntry> entries,
                           bool complete = true) {
  v1::DirectoryUpdate u;
  u.set_term(term);
  u.set_complete(complete);
  u.set_part(complete ? 1 : 0);
  for (auto& e : entries) *u.add_entries() = std::move(e);
  return u;
}

TEST(DirectoryTest, RSend2ASpaceIsFoundByNameAndByItsIndex) {
  Directory directory;
  EXPECT_EQ(directory.apply(update(1, {entry("a", 0, "z1", 1), entry("b", 1, "z2", 1)}))->size(),
            2u);
  EXPECT_EQ(directory.find(topology, "b")->zhost(), "z2");
  std::array<char, 16> id;
  const auto bytes = stdx::uuid_to_bytes(topology);
  std::copy(bytes.begin(), bytes.end(), id.begin());
  EXPECT_EQ(directory.find(id, 0)->space(), "a");
  EXPECT_EQ(directory.find(id, 7), nullptr);
}

TEST(DirectoryTest, S15AnEpochNeverFallsWhateverOrderUpdatesComeIn) {
  Directory directory;
  ASSERT_TRUE(directory.apply(update(1, {entry("a", 0, "z2", 5)})));
  EXPECT_TRUE(directory.apply(update(1, {entry("a", 0, "z1", 4)}, false))->empty());
  EXPECT_EQ(directory.find(topology, "a")->zhost(), "z2");
}

TEST(DirectoryTest, S4AnUpdateOfALowerTermIsRefusedWhole) {
  Directory directory;
  ASSERT_TRUE(directory.apply(update(3, {entry("a", 0, "z2", 5)})));
  EXPECT_EQ(directory.apply(update(2, {entry("a", 0, "z1", 9)})).error().code, stdx::Code::stale);
  EXPECT_EQ(directory.find(topology, "a")->epoch(), 5u);
}

TEST(DirectoryTest, ACompleteUpdateDropsWhatItDoesNotName) {
  Directory directory;
  ASSERT_TRUE(directory.apply(update(1, {entry("a", 0, "z1", 1), entry("b", 1, "z2", 1)})));
  ASSERT_TRUE(directory.apply(update(2, {entry("b", 1, "z2", 1)})));
  EXPECT_EQ(directory.find(topology, "a"), nullptr);
  EXPECT_EQ(directory.size(), 1u);
}

TEST(DirectoryTest, P10AChangeIsRefusedByWhoWasNotToldTheWholeInThisTerm) {
  Directory directory;
  EXPECT_EQ(directory.apply(update(1, {entry("a", 0, "z1", 1)}, false)).error().code,
            stdx::Code::stale);
  EXPECT_EQ(directory.term(), 0u) << "it goes on asking for the whole";
  ASSERT_TRUE(directory.apply(update(1, {entry("a", 0, "z1", 1)})));
  EXPECT_TRUE(directory.apply(update(1, {entry("b", 1, "z1", 1)}, false)));
  EXPECT_FALSE(directory.apply(update(2, {entry("b", 1, "z2", 2)}, false)));
}

TEST(DirectoryTest, AChangeThatDoesNotFollowWhatIsKnownIsRefused) {
  Directory directory;
  auto whole = update(1, {entry("a", 0, "z1", 1)});
  whole.set_sequence(5);
  ASSERT_TRUE(directory.apply(whole));
  auto older = update(1, {entry("b", 1, "z1", 1)}, false);
  older.set_sequence(4);
  EXPECT_EQ(directory.apply(older).error().code, stdx::Code::stale);
  auto later = update(1, {entry("b", 1, "z1", 1)}, false);
  later.set_base(6);
  later.set_sequence(7);
  EXPECT_EQ(directory.apply(later).error().code, stdx::Code::stale) << "one is missing";
  later.set_base(5);
  EXPECT_TRUE(directory.apply(later));
  EXPECT_TRUE(directory.apply(later)) << "its answer was lost";
  EXPECT_EQ(directory.size(), 2u);
}

TEST(DirectoryTest, TheFormerEntriesHoldUntilTheLastPartOfTheWholeIsThere) {
  Directory directory;
  ASSERT_TRUE(directory.apply(update(1, {entry("a", 0, "z1", 1), entry("b", 1, "z2", 1)})));
  const auto part = [&](std::uint32_t number, bool last, std::vector<v1::DirectoryEntry> entries) {
    auto u = update(2, std::move(entries), last);
    u.set_part(number);
    u.set_sequence(10 * number);
    return directory.apply(u);
  };
  ASSERT_TRUE(part(1, false, {entry("a", 0, "z3", 2)}));
  EXPECT_EQ(directory.find(topology, "a")->zhost(), "z1");
  EXPECT_EQ(directory.find(topology, "b")->zhost(), "z2") << "b was not named yet";
  EXPECT_EQ(directory.term(), 1u);
  EXPECT_FALSE(part(3, true, {})) << "a part is missing";
  ASSERT_TRUE(part(2, false, {entry("c", 2, "z1", 1)}));
  ASSERT_TRUE(part(2, false, {entry("c", 2, "z1", 1), entry("d", 3, "z1", 1)})) << "again";
  ASSERT_EQ(part(3, true, {entry("e", 4, "z1", 1)})->size(), 5u) << "a c d e, and b went";
  EXPECT_EQ(directory.find(topology, "a")->zhost(), "z3");
  EXPECT_EQ(directory.find(topology, "b"), nullptr);
  EXPECT_EQ(directory.size(), 4u);
  EXPECT_EQ(directory.sequence(), 30u);
  // Its answer was lost, and something changed.
  ASSERT_TRUE(part(3, true, {entry("e", 4, "z2", 2)}));
  EXPECT_EQ(directory.find(topology, "e")->zhost(), "z2");
  EXPECT_EQ(directory.size(), 4u) << "the last part alone is not the whole";
  EXPECT_FALSE(directory.apply(update(1, {entry("a", 0, "z9", 9)}))) << "of a former term";
}

TEST(DirectoryTest, P10AZmeshThatStartedAnewTakesNoLaterPart) {
  Directory directory;
  auto second = update(1, {entry("a", 0, "z1", 1)});
  second.set_part(2);
  EXPECT_EQ(directory.apply(second).error().code, stdx::Code::stale);
  EXPECT_EQ(directory.term(), 0u);
}

TEST(DirectoryTest, AZhostIsToldOfTheTopologiesItHasAPartInAndOfNoOther) {
  Directory directory;
  auto stranger = entry("x", 0, "z3", 1);
  stranger.set_topology_id(stdx::uuid_from(3, 4));
  ASSERT_TRUE(
      directory.apply(update(1, {entry("a", 0, "z1", 1), entry("b", 1, "z2", 1), stranger})));
  EXPECT_EQ(directory.peers_of("z1").size(), 2u);
  EXPECT_EQ(directory.peers_of("z3").size(), 1u);
  EXPECT_TRUE(directory.peers_of("z9").empty());
}

TEST(DirectoryTest, AnEntryWithoutAProperTopologyIdIsRefused) {
  Directory directory;
  auto bad = entry("a", 0, "z1", 1);
  bad.set_topology_id("../x");
  EXPECT_EQ(directory.apply(update(1, {bad})).error().code, stdx::Code::invalid);
}

}  // namespace
}  // namespace zmesh
