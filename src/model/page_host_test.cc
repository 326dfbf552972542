// SPDX-License-Identifier: Apache-2.0
#include "model/page_host.h"

#include <gtest/gtest.h>

#include <set>

namespace model {
namespace {

TEST(PageHostTest, APlainNameIsItsLabelAndAnyOtherOneHasALabelOfItsOwn) {
  EXPECT_EQ(page_labels("anomaly", "dashboard"), "dashboard.anomaly");
  std::set<std::string> seen;
  for (const char* name :
       {"a", "A", "a.b", "a_b", "a-b", "ab", "a--b", "a-", "A-b", "--", "_", "."}) {
    const auto labels = page_labels("t", name);
    EXPECT_TRUE(seen.insert(labels).second) << name << " -> " << labels;
    EXPECT_EQ(page_labels_of_host(labels + ".localhost:9200"), labels) << name;
  }
  const auto longest = page_labels("t", std::string(120, 'a'));
  EXPECT_LE(longest.size(), 63u + 2u);
  EXPECT_NE(longest, page_labels("t", std::string(119, 'a')));
}

TEST(PageHostTest, OnlyTwoLabelsBelowLocalhostAreAPage) {
  EXPECT_EQ(page_labels_of_host("Dashboard.Anomaly.LOCALHOST"), "dashboard.anomaly");
  for (const char* host : {"", "localhost", "localhost:9200", "a.localhost", ".a.localhost",
                           "a..localhost", "a.b.c.localhost", "a.b.localhost.example",
                           "a.b.example", "a.blocalhost", "127.0.0.1:9200"})
    EXPECT_EQ(page_labels_of_host(host), "") << host;
}

}  // namespace
}  // namespace model
