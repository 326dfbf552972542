// SPDX-License-Identifier: Apache-2.0
#include "zrun/line_buffer.h"

#include <gtest/gtest.h>

#include <vector>

namespace zrun {
namespace {

struct Lines {
  LineBuffer buffer;
  std::vector<std::string> lines;
  LineBuffer::Line keep = [this](std::string_view line) { lines.emplace_back(line); };
  std::size_t add(std::string_view text, std::size_t max = 100) {
    return buffer.add(text, max, keep);
  }
};

TEST(LineBufferTest, SeveralLinesOfOneWriteStayLinesAndAnUnfinishedOneWaits) {
  Lines l;
  EXPECT_EQ(l.add("one\ntwo\r\n\nthr"), 13u);
  EXPECT_EQ(l.lines, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(l.add("ee\n"), 3u);
  EXPECT_EQ(l.lines.back(), "three");
  l.add("rest");
  l.buffer.flush(l.keep);
  l.buffer.flush(l.keep);
  EXPECT_EQ(l.lines, (std::vector<std::string>{"one", "two", "three", "rest"}));
}

TEST(LineBufferTest, TheLinesOfOneCallAreBoundedAndItSaysWhatItTook) {
  Lines l;
  EXPECT_EQ(l.add("a\nb\nc\n", 2), 4u);
  EXPECT_EQ(l.lines.size(), 2u);
  EXPECT_EQ(l.add("c\n", 2), 2u);
  EXPECT_EQ(l.lines.size(), 3u);
}

TEST(LineBufferTest, ALineWithoutAnEndIsCutAndNeverGrowsPastItsBound) {
  Lines l;
  const std::string text(LineBuffer::line_bytes_max + 10, 'x');
  EXPECT_EQ(l.add(text), text.size());
  ASSERT_EQ(l.lines.size(), 1u);
  EXPECT_EQ(l.lines[0].size(), LineBuffer::line_bytes_max);
  l.add("\n");
  ASSERT_EQ(l.lines.size(), 2u);
  EXPECT_EQ(l.lines[1].size(), 10u);
}

}  // namespace
}  // namespace zrun
