// SPDX-License-Identifier: Apache-2.0
#include "adapters/copy_files/copy_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "adapters/crypto/crypto.h"
#include "adapters/wait_queue.h"

namespace adapters::copy_files {
namespace {

namespace fs = std::filesystem;
using ports::RecordsCopy;
using stdx::Code;

constexpr const char* lineage = "11111111-2222-4333-8444-555555555555";

struct Fixture {
  fs::path folder;
  WaitQueue queue;
  Options options;
  std::unique_ptr<CopyFiles> copies;

  Fixture() {
    char name[] = "/tmp/samoza-copies-XXXXXX";
    folder = mkdtemp(name);
    options.folder = (folder / "copies").string();
    options.kept = 3;
    options.bytes_max = 1000;
    open();
  }
  ~Fixture() {
    copies.reset();
    fs::remove_all(folder);
  }
  void open() { copies = std::make_unique<CopyFiles>(queue, options); }

  stdx::Status put(std::uint64_t counter, const stdx::Bytes& bytes, const std::string& hash = "") {
    stdx::Status answer = stdx::fail(Code::failed, "no answer");
    copies->put({.lineage = lineage,
                 .counter = counter,
                 .term = 2,
                 .sha256 = hash.empty() ? crypto::sha256_hex(bytes) : hash,
                 .made = 1000 - counter},  // a clock that goes back changes no order
                bytes, [&](stdx::Status stored) { answer = std::move(stored); });
    queue.run_one();
    return answer;
  }
  stdx::Result<stdx::Bytes> get(const std::string& sha256) {
    stdx::Result<stdx::Bytes> answer = stdx::fail(Code::failed, "no answer");
    copies->get(sha256, [&](stdx::Result<stdx::Bytes> bytes) { answer = std::move(bytes); });
    queue.run_one();
    return answer;
  }
  stdx::Status check_room(std::uint64_t bytes) {
    stdx::Status answer = stdx::fail(Code::failed, "no answer");
    copies->check_room(bytes, [&](stdx::Status room) { answer = std::move(room); });
    queue.run_one();
    return answer;
  }
  std::vector<std::uint64_t> counters() const {
    std::vector<std::uint64_t> list;
    for (const auto& copy : copies->list()) list.push_back(copy.counter);
    return list;
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(options.folder), fs::directory_iterator()));
  }
};

using Counters = std::vector<std::uint64_t>;

TEST(CopyFilesTest, TheNewestOnesStayInTheOrderInWhichTheyCameAlsoAfterAStart) {
  Fixture f;
  EXPECT_TRUE(f.copies->list().empty());
  for (std::uint64_t counter = 1; counter <= 5; ++counter)
    ASSERT_TRUE(f.put(counter, "copy " + std::to_string(counter)));
  EXPECT_EQ(f.counters(), (Counters{5, 4, 3}));
  EXPECT_EQ(f.files(), 3u) << "what was pushed out is gone from the disk";
  f.open();
  EXPECT_EQ(f.counters(), (Counters{5, 4, 3}));
  const auto newest = f.copies->list().front();
  EXPECT_EQ(newest.lineage, lineage);
  EXPECT_EQ(newest.term, 2u);
  EXPECT_EQ(newest.made, 995u);
  EXPECT_EQ(newest.bytes, 6u);
  EXPECT_EQ(f.get(newest.sha256), "copy 5");
}

TEST(CopyFilesTest, TheirBytesAreBoundedTogetherAndEachByItself) {
  Fixture f;
  ASSERT_TRUE(f.put(1, stdx::Bytes(500, 'a')));
  ASSERT_TRUE(f.put(2, stdx::Bytes(400, 'b')));
  ASSERT_TRUE(f.put(3, stdx::Bytes(300, 'c')));
  EXPECT_EQ(f.counters(), (Counters{3, 2})) << "1,200 bytes are over the bound, and 700 are not";
  const auto large = f.put(4, stdx::Bytes(1001, 'd'));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::full);
  EXPECT_NE(large.error().message.find("copies.bytes"), std::string::npos);
  EXPECT_EQ(f.counters(), (Counters{3, 2})) << "what is refused pushes nothing out";
  EXPECT_FALSE(f.check_room(1001));
  EXPECT_TRUE(f.check_room(1000));
}

TEST(CopyFilesTest, ADiskThatWouldLoseItsReserveTakesNoCopyAndTheReasonIsSaid) {
  Fixture f;
  f.options.bytes_max = std::numeric_limits<std::uint64_t>::max();
  f.options.disk_reserve_bytes = 1;
  f.open();
  EXPECT_TRUE(f.check_room(1)) << "also before there is a folder";
  const auto room = f.check_room(std::uint64_t{1} << 62);
  ASSERT_FALSE(room);
  EXPECT_EQ(room.error().code, Code::full);
  EXPECT_NE(room.error().message.find("disk_reserve"), std::string::npos) << room.error().message;
}

TEST(CopyFilesTest, WhatArrivesDamagedIsNotKeptAndWhatIsDamagedLaterIsNotGivenOut) {
  Fixture f;
  EXPECT_EQ(f.put(1, "abc", crypto::sha256_hex("abd")).error().code, Code::corrupt);
  EXPECT_TRUE(f.copies->list().empty());
  ASSERT_TRUE(f.put(2, "good"));
  for (const auto& entry : fs::directory_iterator(f.options.folder))
    std::ofstream(entry.path()) << "baad";
  const auto hash = f.copies->list().front().sha256;
  const auto read = f.get(hash);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::corrupt);
  EXPECT_TRUE(f.copies->list().front().damaged);
  EXPECT_EQ(f.get(crypto::sha256_hex("other")).error().code, Code::not_found);
}

TEST(CopyFilesTest, HalfAFileOfACrashIsNoCopyAndIsRemovedAndForeignFilesStay) {
  Fixture f;
  ASSERT_TRUE(f.put(1, "one"));
  std::ofstream(fs::path(f.options.folder) / "records-00000002-9.db.new") << "half";
  std::ofstream(fs::path(f.options.folder) / "mine.db") << "of a person";
  f.open();
  EXPECT_EQ(f.counters(), (Counters{1}));
  EXPECT_EQ(f.files(), 2u);
  ASSERT_TRUE(f.put(2, "two"));
  for (const auto& entry : fs::directory_iterator(f.options.folder)) fs::remove(entry.path());
  EXPECT_EQ(f.get(f.copies->list().front().sha256).error().code, Code::not_found);
  EXPECT_EQ(f.counters(), (Counters{1})) << "a person removed the file";
}

}  // namespace
}  // namespace adapters::copy_files
