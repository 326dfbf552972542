// SPDX-License-Identifier: Apache-2.0
#include "adapters/blob_files/blob_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "simkit/process.h"
#include "simkit/world.h"

namespace adapters::blob_files {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Another process of the zhost may store an archive too: only the folder tells.
TEST(BlobFilesTest, TheListFollowsTheFolderWhoeverChangesIt) {
  const fs::path folder = fs::path(testing::TempDir()) / "blob_files_test";
  fs::remove_all(folder);
  fs::create_directories(folder);
  simkit::World world{1};
  simkit::Process process{world, "a", "zrms"};
  BlobFiles blobs{process, folder.string()};
  const auto put = [&](char c) { std::ofstream(folder / std::string(64, c)) << c; };
  const auto long_ago = [&] { fs::last_write_time(folder, fs::last_write_time(folder) - 1h); };
  EXPECT_TRUE(blobs.list().empty());
  put('a');
  EXPECT_EQ(blobs.list().size(), 1u) << "right after the walk before";
  long_ago();
  EXPECT_EQ(blobs.list().size(), 1u);
  EXPECT_EQ(blobs.list().size(), 1u) << "from memory";
  put('b');
  EXPECT_EQ(blobs.list().size(), 2u);
  ASSERT_TRUE(blobs.remove(std::string(64, 'a')));
  EXPECT_EQ(blobs.list(), std::vector<std::string>{std::string(64, 'b')});
  fs::remove_all(folder);
}

}  // namespace
}  // namespace adapters::blob_files
