// SPDX-License-Identifier: Apache-2.0
#include "model/space_type.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace model {
namespace {

TEST(SpaceTypeTest, RDec23OnlyTheFiveTypesAreTypesAndAgentsAreNot) {
  for (auto name : {"UI", "IO", "DATA", "CHAT", "CALL"})
    EXPECT_EQ(to_string(*parse_space_type(name)), name);
  for (auto name : {"FUNC", "AGENTIC", "io", ":IO", ""}) EXPECT_FALSE(parse_space_type(name));
}

TEST(SpaceTypeTest, RSpace7TheTypeBoundsWhatASpaceMayDeclare) {
  EXPECT_TRUE(may_declare(SpaceType::data, *find_capability("data.write")));
  EXPECT_FALSE(may_declare(SpaceType::io, *find_capability("data.write")));
  EXPECT_TRUE(may_declare(SpaceType::io, *find_capability("sensors.subscribe")));
  EXPECT_FALSE(may_declare(SpaceType::call, *find_capability("sensors.subscribe")));
  for (auto type :
       {SpaceType::ui, SpaceType::io, SpaceType::data, SpaceType::chat, SpaceType::call})
    EXPECT_TRUE(may_declare(type, *find_capability("sys.log")));
  EXPECT_EQ(find_capability("data.*"), nullptr);
}

TEST(SpaceTypeTest, CapabilitiesAreSortedByName) {
  EXPECT_TRUE(std::is_sorted(capabilities().begin(), capabilities().end(),
                             [](auto& a, auto& b) { return a.name < b.name; }));
}

}  // namespace
}  // namespace model
