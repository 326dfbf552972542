// SPDX-License-Identifier: Apache-2.0
#include "mex/layout.h"

#include <gtest/gtest.h>

namespace mex {
namespace {

const std::string head = "apiVersion: samoza/v1\nkind: Layout\n";
const std::string place = "locations:\n  - {name: hall, position: [0, 1.5, -2], space: door}\n";

std::vector<std::string> findings_of(const std::string& text) {
  std::vector<std::string> findings;
  check_layout(text, {"door"}, findings);
  return findings;
}

TEST(LayoutTest, RMex11ALayoutOfLocationsFacesAndRoutesIsTaken) {
  EXPECT_TRUE(findings_of(head + place +
                          "  - {name: yard}\nfaces:\n  - {location: hall, direction: [0, 0, 1]}\n"
                          "routes:\n  - {name: out, from: hall, to: yard}\n")
                  .empty());
  EXPECT_TRUE(findings_of(head).empty());
}

TEST(LayoutTest, RMex11WhatIsWrongIsSaidWithTheFileTheLineAndTheRule) {
  const struct {
    std::string text;
    const char* finding;
  } cases[] = {
      {"apiVersion: samoza/v9\nkind: Layout\n", "apiVersion must be samoza/v1"},
      {"apiVersion: samoza/v1\nkind: Cake\n", "kind must be Layout"},
      {head + "places: []\n", "places"},
      {head + "locations:\n  - {position: [0, 0, 0]}\n", "name"},
      {head + place + "  - {name: hall}\n", "location 'hall' is declared twice"},
      {head + "locations:\n  - {name: hall, position: [0, far]}\n",
       "position must be three numbers"},
      {head + "locations:\n  - {name: hall, space: roof}\n", "the topology has no space 'roof'"},
      {head + place + "faces:\n  - {location: roof}\n", "location names no location: 'roof'"},
      {head + place + "routes:\n  - {from: hall, to: roof}\n", "to names no location: 'roof'"},
      {head + place + "routes:\n  - {from: hall}\n", "to"},
      {head + "locations: {}\n", "locations"},
      {"- a list\n", "world/layout.yaml"},
  };
  for (const auto& wrong : cases) {
    const auto findings = findings_of(wrong.text);
    ASSERT_EQ(findings.size(), 1u) << wrong.text;
    EXPECT_NE(findings[0].find(wrong.finding), std::string::npos) << findings[0];
    EXPECT_TRUE(findings[0].starts_with("world/layout.yaml")) << findings[0];
  }
}

}  // namespace
}  // namespace mex
