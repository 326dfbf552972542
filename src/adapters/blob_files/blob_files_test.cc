// SPDX-License-Identifier: Apache-2.0
#include "adapters/blob_files/blob_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "adapters/wait_queue.h"

namespace adapters::blob_files {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct Fixture {
  fs::path folder = fs::path(testing::TempDir()) / "blob_files_test";
  WaitQueue queue;
  std::unique_ptr<BlobFiles> blobs;

  Fixture() {
    fs::remove_all(folder);
    fs::create_directories(folder);
    blobs = std::make_unique<BlobFiles>(queue, folder.string());
  }
  ~Fixture() { fs::remove_all(folder); }
  // A call that the thread answers, after all that was asked of it before.
  template <typename T>
  stdx::Result<T> wait(std::function<void(ports::BlobStore::Done<T>)> call) {
    stdx::Result<T> answer = stdx::fail(stdx::Code::failed, "no answer");
    call([&](stdx::Result<T> got) { answer = std::move(got); });
    queue.run_one();
    return answer;
  }
  stdx::Result<stdx::Bytes> get(const std::string& name) {
    return wait<stdx::Bytes>([&](auto done) { blobs->get(name, done); });
  }
  void put_beside(char c) { std::ofstream(folder / std::string(64, c)) << c; }
};

// Another process of the zhost may store an archive too: only the folder tells.
TEST(BlobFilesTest, TheListFollowsTheFolderWhoeverChangesIt) {
  Fixture f;
  const auto long_ago = [&] { fs::last_write_time(f.folder, fs::last_write_time(f.folder) - 1h); };
  const auto listed = [&] {
    f.blobs->list();
    EXPECT_FALSE(f.get("nothing"));  // the look is done
    return f.blobs->list();
  };
  EXPECT_TRUE(listed().empty());
  f.put_beside('a');
  EXPECT_EQ(listed().size(), 1u) << "right after the walk before";
  long_ago();
  EXPECT_EQ(listed().size(), 1u);
  f.put_beside('b');
  EXPECT_EQ(listed().size(), 2u);
  f.blobs->remove(std::string(64, 'a'));
  EXPECT_EQ(f.blobs->list(), std::vector<std::string>{std::string(64, 'b')});
  EXPECT_EQ(listed(), std::vector<std::string>{std::string(64, 'b')});
  EXPECT_FALSE(fs::exists(f.folder / std::string(64, 'a')));
}

TEST(BlobFilesTest, WhatIsStoredReadOrFoundMissingIsKnownAtOnce) {
  Fixture f;
  const auto name = f.wait<std::string>([&](auto done) { f.blobs->put("archive", done); });
  ASSERT_TRUE(name);
  EXPECT_TRUE(f.blobs->has(*name));
  EXPECT_TRUE(BlobFiles(f.queue, f.folder.string()).has(*name)) << "read at its start";
  fs::remove(f.folder / *name);
  EXPECT_TRUE(f.blobs->has(*name)) << "another process removed it";
  EXPECT_EQ(f.get(*name).error().code, stdx::Code::not_found);
  EXPECT_FALSE(f.blobs->has(*name));
}

TEST(BlobFilesTest, AnArchiveThatIsDamagedOnDiskIsMendedByStoringItAgain) {
  Fixture f;
  const auto put = [&] {
    return f.wait<std::string>([&](auto done) { f.blobs->put("archive", done); });
  };
  const auto name = put();
  ASSERT_TRUE(name);
  for (const char* damaged : {"archivx", "arch", ""}) {
    std::ofstream(f.folder / *name, std::ios::trunc) << damaged;
    ASSERT_TRUE(put()) << damaged;
    EXPECT_EQ(f.get(*name), "archive") << damaged;
  }
}

TEST(BlobFilesTest, WhatTheDiskDoesNotLetGoIsListedAgain) {
  Fixture f;
  const std::string name(64, 'a');
  fs::create_directories(f.folder / name / "not empty");
  BlobFiles blobs(f.queue, f.folder.string());
  ASSERT_TRUE(blobs.has(name));
  blobs.remove(name);
  EXPECT_FALSE(f.wait<stdx::Bytes>([&](auto done) { blobs.get("nothing", done); }));
  EXPECT_TRUE(blobs.has(name));
}

}  // namespace
}  // namespace adapters::blob_files
