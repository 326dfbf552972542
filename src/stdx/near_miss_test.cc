// SPDX-License-Identifier: Apache-2.0
#include "stdx/near_miss.h"

#include <gtest/gtest.h>

#include <vector>

namespace stdx {
namespace {

std::string near(std::string_view word, const std::vector<std::string>& candidates) {
  NearMiss miss(word);
  for (const auto& candidate : candidates) miss.consider(candidate);
  return miss.found();
}

TEST(NearMissTest, TheNearestWordIsFoundWhereOneIsNear) {
  const std::vector<std::string> words = {"status", "mesh", "topo", "cluster", "spaces", "logs"};
  EXPECT_EQ(near("statsu", words), "status") << "two neighbours swapped";
  EXPECT_EQ(near("stats", words), "status");
  EXPECT_EQ(near("clustre", words), "cluster");
  EXPECT_EQ(near("log", words), "logs");
  EXPECT_EQ(near("topology", words), "topo") << "it begins so";
  EXPECT_EQ(near("clu", words), "cluster");
  EXPECT_EQ(near("", words), "");
  EXPECT_EQ(near("quit", words), "");
  EXPECT_EQ(near("xy", {"ab"}), "") << "as many edits as letters are no likeness";
  EXPECT_EQ(near("a", {"b"}), "");
  EXPECT_EQ(near("sensor-2", {"sensor-12", "sensor-2b", "store"}), "sensor-12")
      << "the first of equals";
}

TEST(NearMissTest, AHintIsASentenceOrNothing) {
  EXPECT_EQ(did_you_mean("prot", std::vector<std::string>{"port", "limits"}),
            "; did you mean 'port'?");
  EXPECT_EQ(did_you_mean("zzz", std::vector<std::string>{"port"}), "");
  EXPECT_EQ(did_you_mean("pord", std::vector<std::string>{"por\x1b"}), "; did you mean 'por?'?");
}

TEST(NearMissTest, LongWordsAndManyCandidatesAreBounded) {
  const std::string longest(NearMiss::word_bytes_max, 'a'), longer = longest + "a";
  EXPECT_EQ(near(longest, {longest + "bbb"}), longest + "bbb");
  EXPECT_EQ(near(longer, {longer + "b"}), "") << "past the bound nothing is compared";
  EXPECT_EQ(near("word", {std::string(1'000'000, 'w')}), "");
  NearMiss miss("wordy");
  for (std::size_t i = 0; i < NearMiss::candidates_max; ++i) miss.consider("another");
  miss.consider("word");
  EXPECT_EQ(miss.found(), "");
}

}  // namespace
}  // namespace stdx
