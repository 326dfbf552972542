// SPDX-License-Identifier: Apache-2.0
#include "adapters/log/line_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>

namespace adapters::log {
namespace {

using namespace std::chrono_literals;
constexpr auto bound = std::chrono::seconds(60);

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    std::signal(SIGPIPE, SIG_IGN);  // as every service does (apps/common)
    EXPECT_EQ(pipe(ends), 0);
  }
  ~Pipe() {
    for (const int end : ends)
      if (end >= 0) close(end);
  }
  void close_reader() { close(std::exchange(ends[0], -1)); }
  // What is in it now.
  std::string read_some() {
    std::string text(1u << 16, '\0');
    const auto n = read(ends[0], text.data(), text.size());
    text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return text;
  }
};

struct Dropped {
  std::atomic<std::uint64_t> count{0};
  LineWriter::Options options(int descriptor) {
    return {.descriptor = descriptor,
            .dropped_line = [](std::uint64_t n) { return std::to_string(n) + " dropped"; },
            .on_dropped = [this](std::uint64_t n) { count += n; }};
  }
};

TEST(LineWriterTest, LinesComeInOrderAndAreWrittenAtTheEnd) {
  Pipe pipe;
  Dropped dropped;
  {
    LineWriter writer(dropped.options(pipe.ends[1]));
    for (int i = 0; i < 100; ++i) writer.write(std::to_string(i));
  }
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += std::to_string(i) + "\n";
  EXPECT_EQ(pipe.read_some(), expected);
  EXPECT_EQ(dropped.count, 0u);
}

TEST(LineWriterTest, APipeThatNobodyReadsBlocksNobodyAndWhatWasDroppedIsSaidOnce) {
  Pipe pipe;
  Dropped dropped;
  LineWriter writer(dropped.options(pipe.ends[1]));
  const std::string line(1000, 'x');
  while (dropped.count < 10) writer.write(line);
  EXPECT_FALSE(writer.flush(1ms)) << "the writer's thread waits for the reader";
  const auto lost = dropped.count.load();
  std::string tail;
  const auto said = std::to_string(lost) + " dropped\n";
  while (tail.find(said) == std::string::npos) {
    tail = tail.substr(tail.size() - std::min(tail.size(), said.size())) + pipe.read_some();
    ASSERT_EQ(dropped.count, lost);
  }
  EXPECT_TRUE(writer.flush(bound));
}

TEST(LineWriterTest, AWriterWhoseReaderIsStuckEndsAllTheSame) {
  Pipe pipe;
  Dropped dropped;
  {
    LineWriter writer(dropped.options(pipe.ends[1]));
    while (dropped.count == 0) writer.write(std::string(1000, 'x'));
  }
  const auto lost = dropped.count.load();
  pipe.read_some();
  EXPECT_EQ(dropped.count, lost) << "the thread that was left behind calls nobody";
}

TEST(LineWriterTest, APipeWhoseReaderIsGoneLosesLinesAndNothingElse) {
  Pipe pipe;
  pipe.close_reader();
  Dropped dropped;
  LineWriter writer(dropped.options(pipe.ends[1]));
  for (int i = 0; i < 5; ++i) writer.write("x");
  EXPECT_TRUE(writer.flush(bound));
  EXPECT_EQ(dropped.count, 5u);
}

TEST(LineWriterTest, AFileIsRotatedAndKeepsTheNewestLines) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("line_writer_test." + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const auto file = folder / "x.log";
  {
    LineWriter writer({.file = file.string()});
    const std::string megabyte(1u << 20, 'x');
    for (int i = 0; i < 20; ++i) {
      writer.write(std::to_string(i) + megabyte);
      EXPECT_TRUE(writer.flush(bound));
    }
  }
  EXPECT_TRUE(std::filesystem::exists(folder / "x.1.log"));
  std::ifstream text(file);
  std::string line, last;
  while (std::getline(text, line)) last = line;
  EXPECT_TRUE(last.starts_with("19"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace adapters::log
