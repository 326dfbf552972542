// SPDX-License-Identifier: Apache-2.0
#include "adapters/log/json_log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace adapters::log {
namespace {

TEST(JsonLogTest, ALineStaysOneLineOfJsonWhateverAGuestWrote) {
  const auto line = json_line("zrun", "z1", 1'000, ports::Level::warn, "guest_log",
                              {{"text", "a\n\"b\"\x1b[31m\xff"}, {"bytes", 3u}, {"ok", true}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed["event"], "guest_log");
  EXPECT_EQ(parsed["ts"], "1970-01-01T00:00:01.000Z");
  EXPECT_EQ(parsed["bytes"], 3);
  EXPECT_EQ(parsed["level"], "warn");
}

}  // namespace
}  // namespace adapters::log
