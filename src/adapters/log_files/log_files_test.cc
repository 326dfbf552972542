// SPDX-License-Identifier: Apache-2.0
#include "adapters/log_files/log_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "adapters/log_files/log_text.h"
#include "adapters/wait_queue.h"

namespace adapters::log_files {
namespace {

namespace fs = std::filesystem;
using ports::LogLine;

const model::SpaceKey key{model::TopologyId("11111111-2222-4333-8444-555555555555"), "x"};

LogLine line(std::uint32_t run, std::uint64_t seq, std::string text, std::uint64_t restarts = 0) {
  return {.level = 1,
          .at = stdx::WallTime(std::chrono::milliseconds(1'700'000'000'123)),
          .epoch = 1,
          .run = run,
          .restarts = restarts,
          .seq = seq,
          .text = std::move(text)};
}

struct Fixture {
  fs::path folder;
  WaitQueue queue;
  Options options;
  ports::Counter unwritten;
  std::unique_ptr<LogFiles> logs;

  Fixture() {
    char name[] = "/tmp/samoza-logs-XXXXXX";
    folder = mkdtemp(name);
    options.folder = (folder / "logs").string();
    options.file_bytes_max = 1000;
    open();
  }
  ~Fixture() {
    logs.reset();
    fs::remove_all(folder);
  }
  void open() {
    logs.reset();
    logs = std::make_unique<LogFiles>(queue, options, unwritten);
  }
  std::vector<LogLine> read(const model::SpaceKey& of = key) {
    stdx::Result<std::vector<LogLine>> answer = stdx::fail(stdx::Code::failed, "no answer");
    logs->read(of, [&](auto lines) { answer = std::move(lines); });
    queue.run_one();
    return answer.value_or(std::vector<LogLine>());
  }
  fs::path path() const { return folder / "logs" / key.topology.value / "x.log"; }
};

TEST(LogFilesTest, TheLinesOfALifeAreThereForTheNextProcessAsTheyWere) {
  Fixture f;
  EXPECT_TRUE(f.read().empty());
  const std::vector<LogLine> said = {line(1, 1, "one"), line(1, 2, "two  words "),
                                     line(1, 3, "", 1)};
  for (const auto& l : said) f.logs->append(key, l);
  EXPECT_EQ(f.read(), said);
  f.logs->append(key, line(1, 4, "the last"));
  f.open();  // an orderly end writes what waits
  const auto kept = f.read();
  ASSERT_EQ(kept.size(), 4u);
  EXPECT_EQ(kept.back().text, "the last");
  EXPECT_TRUE(f.read({key.topology, "y"}).empty());
}

TEST(LogFilesTest, ALifeThatSaysMuchLeavesTheEndOfTheFormerOnesAndTheFileIsBounded) {
  Fixture f;
  f.logs->append(key, line(1, 1, "how it began"));
  f.logs->append(key, line(1, 2, "trap: unreachable"));
  for (std::uint64_t i = 1; i <= 300; ++i) {
    f.logs->append(key, line(2, i, "line " + std::to_string(i)));
    if (i % 7 == 0) f.read();
  }
  const auto kept = f.read();
  EXPECT_LE(fs::file_size(f.path()), 1000u);
  ASSERT_GE(kept.size(), 3u);
  EXPECT_EQ(kept[1].text, "trap: unreachable");
  EXPECT_EQ(kept.back().text, "line 300");
  for (std::size_t i = 3; i < kept.size(); ++i)
    EXPECT_EQ(kept[i].seq, kept[i - 1].seq + 1) << "no gap within the newest life";
  EXPECT_EQ(f.unwritten.value(), 0u);
}

TEST(LogFilesTest, WhatIsTooMuchForTheQueueIsCountedAndTheRestIsWritten) {
  Fixture f;
  f.options.pending_bytes_max = 100;
  f.open();
  f.logs->append(key, line(1, 1, std::string(200, 'x')));
  EXPECT_EQ(f.unwritten.value(), 1u);
  f.logs->append(key, line(1, 2, "short"));
  EXPECT_EQ(f.read().size(), 1u);
}

TEST(LogFilesTest, ADiskThatTakesNothingLosesLinesThatAreCountedAndNothingElse) {
  Fixture f;
  std::ofstream(f.folder / "logs") << "a file where the folder should be";
  f.logs->append(key, line(1, 1, "one"));
  f.logs->append(key, line(1, 2, "two"));
  EXPECT_TRUE(f.read().empty());
  EXPECT_EQ(f.unwritten.value(), 2u);
}

TEST(LogFilesTest, HalfALineOfACrashAndForeignTextAreNoLines) {
  Fixture f;
  f.logs->append(key, line(1, 1, "one"));
  f.read();
  std::ofstream(f.path(), std::ios::app) << "hello\n1700 9 1 1 1 1 no such level\n17000000 1 1";
  EXPECT_EQ(f.read().size(), 1u);
}

TEST(LogFilesTest, ALineKeepsTheVersionOfItsMexAndOneWithoutItIsReadAsBefore) {
  auto with = line(1, 12, "at 3@4 hello");
  with.mex_version = "1.4.0-rc.1";
  EXPECT_EQ(parse_line(to_text(with).substr(0, to_text(with).size() - 1)), with);
  const auto former = parse_line("1700000000123 1 1 1 0 12 at 3@4 hello");
  ASSERT_TRUE(former);
  EXPECT_EQ(former->seq, 12u);
  EXPECT_EQ(former->text, "at 3@4 hello");
  EXPECT_EQ(former->mex_version, "");
  EXPECT_FALSE(parse_line("1700000000123 1@1 1 1 0 12 hello"));
}

TEST(LogFilesTest, ADeletedSpaceLeavesNoFileAndNoFolder) {
  Fixture f;
  f.logs->append(key, line(1, 1, "one"));
  EXPECT_EQ(f.read().size(), 1u);
  f.logs->remove(key);
  EXPECT_TRUE(f.read().empty());
  EXPECT_FALSE(fs::exists(f.path().parent_path()));
}

TEST(LogFilesTest, FilesThatNobodyWroteToForAWeekGoAndTheOldestWhereAllAreTooMany) {
  Fixture f;
  for (const char* space : {"a", "b", "c"})
    f.logs->append({key.topology, space}, line(1, 1, std::string(100, 'x')));
  f.read();
  const auto age = [&](const char* space, std::chrono::hours old) {
    fs::last_write_time(f.path().parent_path() / (std::string(space) + ".log"),
                        fs::file_time_type::clock::now() - old);
  };
  age("a", std::chrono::hours(8 * 24));
  age("b", std::chrono::hours(2));
  age("c", std::chrono::hours(1));
  f.options.all_bytes_max = 150;
  f.open();
  f.logs->append(key, line(1, 1, "starts the sweep"));
  f.read();
  EXPECT_TRUE(f.read({key.topology, "a"}).empty());
  EXPECT_TRUE(f.read({key.topology, "b"}).empty());
  EXPECT_EQ(f.read({key.topology, "c"}).size(), 1u);
}

}  // namespace
}  // namespace adapters::log_files
