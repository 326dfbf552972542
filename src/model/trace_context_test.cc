// SPDX-License-Identifier: Apache-2.0
#include "model/trace_context.h"

#include <gtest/gtest.h>

namespace model {
namespace {

constexpr const char* example = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContextTest, TheExampleOfTheRecommendationIsReadAndWrittenBack) {
  const auto context = parse_traceparent(example);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_high, 0x0af7651916cd43ddu);
  EXPECT_EQ(context->trace_low, 0x8448eb211c80319cu);
  EXPECT_EQ(context->span, 0xb7ad6b7169203331u);
  EXPECT_TRUE(context->is_sampled());
  EXPECT_EQ(to_traceparent(*context), example);
}

TEST(TraceContextTest, FlagsThatAreNotKnownAreNotHandedOn) {
  const auto context = parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe");
  ASSERT_TRUE(context);
  EXPECT_FALSE(context->is_sampled());
  EXPECT_EQ(context->flags, 0);
}

TEST(TraceContextTest, OfALaterVersionTheKnownPartIsRead) {
  EXPECT_TRUE(
      parse_traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes"));
  EXPECT_FALSE(
      parse_traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what-comes"));
  EXPECT_FALSE(
      parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes"));
}

TEST(TraceContextTest, WhatBreaksTheFormIsNoContext) {
  for (const char* text :
       {"", "00", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", "0g-0af7651916cd43dd8448eb2"})
    EXPECT_FALSE(parse_traceparent(text)) << text;
}

}  // namespace
}  // namespace model
