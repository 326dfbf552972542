// SPDX-License-Identifier: Apache-2.0
// Over the real files; time and the rest are simulated.
#include "zrms/blobs.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "adapters/blob_files/blob_files.h"
#include "simkit/network.h"

namespace zrms {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct BlobsTest : testing::Test {
  simkit::World world{1};
  simkit::Network network{world};
  simkit::Process process{world, "a", "zrms"};
  ports::Runtime runtime = process.runtime();
  std::unique_ptr<ports::Transport> transport = network.transport(process, "127.0.0.1");
  rpc::ServiceBus bus{runtime, *transport, {"zmesh", {}}};
  const fs::path folder = fs::path(testing::TempDir()) / "zrms_blobs_test";
  const std::string one = std::string(64, 'a'), two = std::string(64, 'b');
  std::unique_ptr<adapters::blob_files::BlobFiles> files;
  std::unique_ptr<Blobs> blobs;

  BlobsTest() {
    fs::remove_all(folder);
    fs::create_directories(folder);
    for (const auto& name : {one, two}) std::ofstream(folder / name) << "archive";
    files = std::make_unique<adapters::blob_files::BlobFiles>(process, folder.string());
    blobs = std::make_unique<Blobs>(runtime, bus, *files, "a", 10min);
  }
  ~BlobsTest() override { fs::remove_all(folder); }
  std::uint64_t removed() {
    return runtime.metrics.counter("samoza_zrms_archives_removed_total", "").value();
  }
};

TEST_F(BlobsTest, AnUnusedArchiveIsRemovedFromTheDiskAndCounted) {
  world.run_for(10min);
  EXPECT_EQ(blobs->drop({one, std::string(64, 'c'), "../x"}), std::vector<std::string>{one});
  EXPECT_FALSE(fs::exists(folder / one));
  EXPECT_TRUE(fs::exists(folder / two));
  EXPECT_EQ(files->list(), std::vector<std::string>{two});
  EXPECT_EQ(removed(), 1u);
}

TEST_F(BlobsTest, WhatWasAskedForLatelyAndAllOfAProcessThatJustBeganStays) {
  EXPECT_TRUE(blobs->drop({one, two}).empty()) << "it does not know what was asked before";
  world.run_for(10min);
  EXPECT_TRUE(blobs->here(one));
  world.run_for(10min - 1s);
  EXPECT_EQ(blobs->drop({one, two}), std::vector<std::string>{two});
  EXPECT_TRUE(fs::exists(folder / one));
  world.run_for(1s);
  EXPECT_EQ(blobs->drop({one}), std::vector<std::string>{one});
}

TEST_F(BlobsTest, ACopyThatASubmitAsksForCountsAsUse) {
  world.run_for(10min);
  bool good = false;
  blobs->fetch(one, {"b"}, [&](stdx::Status status) { good = status.has_value(); });
  EXPECT_TRUE(good);
  EXPECT_TRUE(blobs->drop({one}).empty());
  EXPECT_EQ(removed(), 0u);
}

TEST_F(BlobsTest, NothingIsRemovedWhileAnArchiveIsBeingStored) {
  world.run_for(10min);
  blobs->keep("archive", [](auto) {});
  EXPECT_TRUE(blobs->drop({one, two}).empty());
}

}  // namespace
}  // namespace zrms
