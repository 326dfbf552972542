// SPDX-License-Identifier: Apache-2.0
#include "zbase/zhost_metrics.h"

#include <gtest/gtest.h>

namespace zbase {
namespace {

constexpr const char* zrms =
    "# HELP samoza_loop_seconds Time\n# TYPE samoza_loop_seconds histogram\n"
    "samoza_loop_seconds_bucket{le=\"0.1\"} 3\nsamoza_loop_seconds_sum 0.5\n"
    "# HELP samoza_zrms_leads 1 while\n# TYPE samoza_zrms_leads gauge\nsamoza_zrms_leads 1\n";
constexpr const char* zrun =
    "# HELP samoza_loop_seconds Time\n# TYPE samoza_loop_seconds histogram\n"
    "samoza_loop_seconds_bucket{le=\"0.1\"} 7\nsamoza_loop_seconds_sum 0.25\n"
    "# HELP samoza_zrun_links Links\n# TYPE samoza_zrun_links gauge\n"
    "samoza_zrun_links{to=\"a{b\",service=\"x\"} 2\n";

TEST(ZhostMetricsTest, EachSeriesGetsItsServiceAndFamiliesOfSeveralServicesStandTogether) {
  EXPECT_EQ(zhost_metrics({{"zrms", std::string(zrms)}, {"zrun", std::string(zrun)}}),
            "# HELP samoza_loop_seconds Time\n# TYPE samoza_loop_seconds histogram\n"
            "samoza_loop_seconds_bucket{service=\"zrms\",le=\"0.1\"} 3\n"
            "samoza_loop_seconds_sum{service=\"zrms\"} 0.5\n"
            "samoza_loop_seconds_bucket{service=\"zrun\",le=\"0.1\"} 7\n"
            "samoza_loop_seconds_sum{service=\"zrun\"} 0.25\n"
            "# HELP samoza_service_up 1 where the service of this zhost answered\n"
            "# TYPE samoza_service_up gauge\n"
            "samoza_service_up{service=\"zrms\"} 1\nsamoza_service_up{service=\"zrun\"} 1\n"
            "# HELP samoza_zrms_leads 1 while\n# TYPE samoza_zrms_leads gauge\n"
            "samoza_zrms_leads{service=\"zrms\"} 1\n"
            "# HELP samoza_zrun_links Links\n# TYPE samoza_zrun_links gauge\n"
            "samoza_zrun_links{service=\"zrun\",to=\"a{b\",exported_service=\"x\"} 2\n");
}

TEST(ZhostMetricsTest, AServiceThatDoesNotAnswerIsDownAndTheOthersAreShown) {
  const auto text = zhost_metrics(
      {{"zrms", stdx::fail(stdx::Code::unavailable, "refused")}, {"zrun", std::string("up 1")}});
  EXPECT_NE(text.find("samoza_service_up{service=\"zrms\"} 0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("up{service=\"zrun\"} 1\n"), std::string::npos) << text;
}

TEST(ZhostMetricsTest, WhateverAServiceSaysIsPassedOn) {
  for (const char* text : {"", "\n\n", "#", "# HELP", "# TYPE ", "a{", "a{}", "{", " 1", "a"})
    EXPECT_NE(zhost_metrics({{"x", std::string(text)}}), "");
  EXPECT_NE(zhost_metrics({{"x", std::string("a{} 1")}}).find("a{service=\"x\"} 1\n"),
            std::string::npos);
}

}  // namespace
}  // namespace zbase
