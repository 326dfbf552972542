// SPDX-License-Identifier: Apache-2.0
#include "adapters/log/protobuf_log.h"

#include <gtest/gtest.h>

#include <vector>

#include "samoza/v1/cluster.pb.h"

namespace adapters::log {
namespace {

struct Lines final : ports::Log {
  std::vector<std::string> events;
  std::string why;
  void write(ports::Level, std::string_view event, ports::Fields fields) override {
    events.emplace_back(event);
    for (const auto& field : fields)
      if (field.name == "why") why = std::get<std::string>(field.value);
  }
};

// Beat.zhost (field 2) that is no UTF-8.
const std::string bad_text("\x12\x02\xff\xfe", 4);

TEST(ProtobufLogTest, APeerThatSendsTextThatIsNoUtf8IsCountedAndFillsNoLog) {
  Lines lines;
  ports::Metrics metrics;
  testing::internal::CaptureStderr();
  {
    const ProtobufLog guard(lines, metrics);
    for (int i = 0; i < 1000; ++i) {
      samoza::v1::Beat beat;
      EXPECT_FALSE(beat.ParseFromString(bad_text));
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(lines.events.size(), 10u) << "the 1st, 2nd, 4th … 512th";
  EXPECT_EQ(lines.events[0], "message_not_well_formed");
  EXPECT_NE(lines.why.find("samoza.v1.Beat.zhost"), std::string::npos) << lines.why;
  EXPECT_EQ(metrics.collect().at(0).samples.at(0).value, 1000);
}

}  // namespace
}  // namespace adapters::log
