// SPDX-License-Identifier: Apache-2.0
// What a turn of a transactional space gathers.
#include <gtest/gtest.h>

#include "stdx/prng.h"
#include "zrun/turn.h"

namespace zrun {
namespace {

using Keys = std::vector<stdx::Bytes>;

TEST(TurnTest, AReadSeesTheWritesOfItsTurnAndADeleteIsNotNothing) {
  Turn turn;
  EXPECT_TRUE(turn.empty());
  EXPECT_EQ(turn.look("k"), nullptr);
  ASSERT_TRUE(turn.write({{"k", "1"}, {"gone", std::nullopt}}));
  ASSERT_TRUE(turn.write({{"k", "2"}}));
  EXPECT_EQ(**turn.look("k"), "2");
  EXPECT_EQ(*turn.look("gone"), std::nullopt);
}

TEST(TurnTest, PastItsBoundItTakesNothingOfABatch) {
  Turn turn;
  const stdx::Bytes half(Turn::data_bytes_max / 2, 'x');
  ASSERT_TRUE(turn.write({{"a", half}}));
  EXPECT_FALSE(turn.write({{"small", "1"}, {"b", half}}));
  EXPECT_EQ(turn.look("small"), nullptr);
}

TEST(TurnTest, KeysOfTheStoreAndOfTheTurnAreListedAsOne) {
  Turn turn;
  ASSERT_TRUE(turn.write({{"a2", "new"}, {"a3", std::nullopt}, {"a9", "new"}, {"b", "other"}}));
  EXPECT_EQ(turn.merged_keys("a", "", {"a1", "a3", "a5"}, true), (Keys{"a1", "a2", "a5", "a9"}));
  EXPECT_EQ(turn.merged_keys("a", "a2", {"a3", "a5"}, true), (Keys{"a5", "a9"}));
  EXPECT_EQ(turn.merged_keys("a", "", {"a1", "a3", "a5"}, false), (Keys{"a1", "a2", "a5"}))
      << "the store may have keys between a5 and a9";
}

TEST(TurnTest, PropertyPagesOfTheListAreTheListWhateverTheirSize) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    stdx::Prng prng(seed);
    std::map<stdx::Bytes, int> stored, expected;
    Turn turn;
    for (int i = 0; i < 30; ++i) {
      const auto key = std::string(prng.chance(3, 4) ? "p" : "q") + std::to_string(prng.below(40));
      if (prng.chance(1, 2)) {
        stored[key] = 1;
      } else if (prng.chance(1, 2)) {
        ASSERT_TRUE(turn.write({{key, "v"}}));
      } else {
        ASSERT_TRUE(turn.write({{key, std::nullopt}}));
      }
    }
    expected = stored;
    for (const auto& [key, value] : turn.writes())
      if (value)
        expected[key] = 1;
      else
        expected.erase(key);
    Keys all, listed;
    for (const auto& [key, one] : expected)
      if (key.starts_with("p")) all.push_back(key);
    stdx::Bytes after;
    for (;;) {
      Keys page;
      for (auto at = stored.upper_bound(std::max(after, stdx::Bytes("p")));
           at != stored.end() && at->first.starts_with("p") && page.size() < 1 + prng.below(4);
           ++at)
        page.push_back(at->first);
      const auto merged = turn.merged_keys("p", after, page, page.empty());
      listed.insert(listed.end(), merged.begin(), merged.end());
      if (page.empty()) break;
      after = page.back();
    }
    EXPECT_EQ(listed, all) << "seed " << seed;
  }
}

}  // namespace
}  // namespace zrun
