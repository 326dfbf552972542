// SPDX-License-Identifier: Apache-2.0
#include "wire/log_query.h"

#include <gtest/gtest.h>

namespace wire {
namespace {

TEST(LogQueryTest, ItSaysWhichLivesAndAfterWhichLine) {
  ports::HttpRequest request;
  request.query = {{"topology", "t"}, {"all", "1"}, {"after", "3.2.17"}};
  const auto query = log_query(request, "x");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->topology(), "t");
  EXPECT_EQ(query->space(), "x");
  EXPECT_TRUE(query->all_lives());
  EXPECT_EQ(query->after_epoch(), 3u);
  EXPECT_EQ(query->after_run(), 2u);
  EXPECT_EQ(query->after_seq(), 17u);
  EXPECT_FALSE(log_query({}, "x")->all_lives());
}

TEST(LogQueryTest, APlaceThatIsNoneIsRefusedAndTheMessageSaysWhatOneIs) {
  for (const char* after : {"1", "1.2", "1.2.3.4", "a.b.c", "1.4294967296.1", "1..1"}) {
    ports::HttpRequest request;
    request.query["after"] = after;
    const auto query = log_query(request, "x");
    ASSERT_FALSE(query) << after;
    EXPECT_EQ(query.error().code, stdx::Code::invalid);
    EXPECT_NE(query.error().message.find("EPOCH.RUN.SEQ"), std::string::npos);
  }
}

}  // namespace
}  // namespace wire
