// SPDX-License-Identifier: Apache-2.0
#include "wire/json_pieces.h"

#include <gtest/gtest.h>

#include "samoza/v1/api.pb.h"
#include "stdx/text.h"
#include "wire/json.h"

namespace wire {
namespace {

namespace v1 = samoza::v1;

const std::vector<std::string_view> lists{"spaces", "paths"};

std::vector<std::string> all(std::string_view json, std::size_t bytes) {
  auto pieces = JsonPieces::of(json, lists);
  std::vector<std::string> out;
  if (!pieces) return {"refused: " + pieces.error().message};
  for (auto piece = pieces->next(bytes); !piece.empty(); piece = pieces->next(bytes))
    out.push_back(std::move(piece));
  return out;
}

TEST(JsonPiecesTest, MembersOfListsAreDealtOutAndTheRestComesFirst) {
  EXPECT_EQ(
      all(R"( {"name": "a", "spaces": [ {"x":1} , {"y":[2,3]} ], "paths":[], "b":{"c":[1]}} )", 1),
      (std::vector<std::string>{R"({"name": "a","b":{"c":[1]}})", R"({"spaces":[{"x":1}]})",
                                R"({"spaces":[{"y":[2,3]}]})"}));
  EXPECT_EQ(all(R"({"spaces":[1,2],"paths":[3]})", 1000),
            (std::vector<std::string>{R"({"spaces":[1,2],"paths":[3]})"}));
  EXPECT_TRUE(all("{}", 10).empty());
  // A list that is none, and brackets inside of text, are left as they are.
  EXPECT_EQ(all(R"({"spaces":"[,","k\"]":["}\\"]})", 1),
            (std::vector<std::string>{R"({"spaces":"[,","k\"]":["}\\"]})"}));
}

TEST(JsonPiecesTest, BracketsThatDoNotFitAreRefused) {
  for (const char* json : {"", "{", "}", "[]", "{} x", "{}{}", R"({"spaces":[1})", R"({"a":"b)",
                           R"({"spaces":[1,,2]})", R"({"spaces":[1,]})", "{,}", R"({"a":1,})",
                           R"({"a":1}})", R"({"spaces":[1]]})", R"({"a\)"})
    EXPECT_TRUE(all(json, 10).front().starts_with("refused: ")) << json;
}

TEST(JsonPiecesTest, AListWithTooManyMembersOrThereTwiceIsRefusedByName) {
  std::string most = R"({"spaces":[1)";
  for (std::size_t i = 1; i < JsonPieces::members_max; ++i) most += ",1";
  EXPECT_TRUE(JsonPieces::of(most + "]}", {"spaces"}));
  const auto more = JsonPieces::of(most + ",1]}", {"spaces"});
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().message, "'spaces' has more than 100000 members");
  const auto twice = JsonPieces::of(R"({"spaces":[1],"spaces":[2]})", {"spaces"});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message, "'spaces' is there twice");
}

// For every cut: the merged pieces are the message that the whole is.
TEST(JsonPiecesTest, WhatIsReadFromThePiecesIsWhatTheWholeSays) {
  v1::StandaloneTopology whole;
  whole.set_name("large \"]}, ");
  for (int i = 0; i < 60; ++i) {
    auto* space = whole.add_spaces();
    space->set_name("s" + std::to_string(i));
    space->add_capabilities("log,[");
    auto* pair = space->add_config();
    pair->set_name("k\\\"");
    pair->set_value("]},{");
    if (i % 3 == 0) whole.add_paths()->set_name("p" + std::to_string(i));
  }
  const auto json = to_json(whole);
  for (std::size_t bytes = 1; bytes < json.size() + 500; bytes += 499) {
    v1::StandaloneTopology merged;
    std::size_t largest = 0;
    for (const auto& piece : all(json, bytes)) {
      largest = std::max(largest, piece.size());
      v1::StandaloneTopology part;
      ASSERT_TRUE(from_json(piece, part)) << piece;
      merged.MergeFrom(part);
    }
    EXPECT_EQ(to_json(merged), json) << bytes;
    EXPECT_LE(largest, bytes + 200);
  }
}

}  // namespace
}  // namespace wire
