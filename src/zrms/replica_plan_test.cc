// SPDX-License-Identifier: Apache-2.0
#include "zrms/replica_plan.h"

#include <gtest/gtest.h>

namespace zrms {
namespace {

using Names = std::vector<std::string>;

TEST(ReplicaPlanTest, AsManyAreAskedAsAreMissingAndTheirNamesAreTheHolders) {
  ReplicaPlan spread("b", {"a", "b", "c", "d"});
  EXPECT_EQ(spread.next(), (Names{"a", "c"}));
  EXPECT_TRUE(spread.next().empty()) << "two are under way";
  spread.answered("c", {});
  EXPECT_FALSE(spread.done());
  spread.answered("a", {});
  EXPECT_TRUE(spread.done());
  EXPECT_EQ(spread.outcome().value(), (Names{"a", "b", "c"}));
}

TEST(ReplicaPlanTest, AZhostThatTakesNoCopyIsReplacedByTheNextOne) {
  ReplicaPlan spread("a", {"a", "b", "c", "d", "e"});
  EXPECT_EQ(spread.next(), (Names{"b", "c"}));
  spread.answered("b", stdx::fail(stdx::Code::timeout, "no answer"));
  EXPECT_EQ(spread.next(), (Names{"d"}));
  spread.answered("b", {});
  EXPECT_FALSE(spread.done()) << "its word came once";
  spread.answered("c", {});
  spread.answered("d", {});
  EXPECT_TRUE(spread.done());
  EXPECT_EQ(spread.outcome().value(), (Names{"a", "c", "d"}));
}

TEST(ReplicaPlanTest, WithFewerThanAskedItIsRefusedAndSaysWhoTookNone) {
  ReplicaPlan spread("a", {"a", "b", "c"});
  spread.next();
  spread.answered("b", {});
  spread.answered("c", stdx::fail(stdx::Code::timeout, "no answer in 2 s"));
  EXPECT_TRUE(spread.next().empty());
  ASSERT_TRUE(spread.done());
  ASSERT_FALSE(spread.outcome());
  EXPECT_EQ(spread.outcome().error().code, stdx::Code::unavailable);
  EXPECT_EQ(spread.outcome().error().message,
            "2 of 3 zhosts took the archives; not c: no answer in 2 s; try again, or look at those "
            "zhosts with `cluster zhosts`");
}

TEST(ReplicaPlanTest, ASmallClusterHasAsManyCopiesAsZhosts) {
  ReplicaPlan alone("a", {"a"});
  EXPECT_TRUE(alone.done());
  EXPECT_EQ(alone.outcome().value(), Names{"a"});
  ReplicaPlan two("a", {"a", "b"});
  EXPECT_EQ(two.next(), Names{"b"});
  two.answered("b", {});
  EXPECT_EQ(two.outcome().value(), (Names{"a", "b"}));
}

}  // namespace
}  // namespace zrms
