// SPDX-License-Identifier: Apache-2.0
// Over the real files; time and the rest are simulated.
#include "zrms/blobs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <thread>

#include "adapters/blob_files/blob_files.h"
#include "adapters/loop/loop.h"
#include "rpc/hub.h"
#include "simkit/network.h"
#include "stdx/text.h"

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
  const fs::path folder =
      fs::path(testing::TempDir()) / stdx::format("zrms_blobs_test.{}", ::getpid());
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
  ~BlobsTest() override {
    blobs.reset();
    files.reset();  // its thread may be removing a file
    fs::remove_all(folder);
  }
  std::uint64_t removed() {
    return runtime.metrics.counter("samoza_zrms_archives_removed_total", "").value();
  }
};

TEST_F(BlobsTest, AnUnusedArchiveIsRemovedFromTheDiskAndCounted) {
  world.run_for(10min);
  EXPECT_EQ(blobs->drop({one, std::string(64, 'c'), "../x"}), std::vector<std::string>{one});
  EXPECT_EQ(files->list(), std::vector<std::string>{two});
  EXPECT_EQ(removed(), 1u);
  // The worker of the files removes it; so many looks take far longer than that.
  for (int i = 0; i < 20'000'000 && fs::exists(folder / one); ++i) std::this_thread::yield();
  EXPECT_FALSE(fs::exists(folder / one));
  EXPECT_TRUE(fs::exists(folder / two));
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

// A zrms that answers every fetch with the same bytes, whatever was asked for. It shares one hub
// with the asker, which goes by another name so that it asks at all.
struct FetchTest : BlobsTest {
  simkit::Process hub_process{world, "a", "zmesh"}, other_process{world, "a", "zrms"};
  ports::Runtime hub_runtime = hub_process.runtime(), other_runtime = other_process.runtime();
  std::unique_ptr<ports::Transport> hub_transport = network.transport(hub_process, "127.0.0.1"),
                                    other_transport = network.transport(other_process, "127.0.0.1");
  rpc::Hub hub{hub_runtime, *hub_transport, {"zmesh", "a"}};
  rpc::ServiceBus asker{runtime, *transport, {"zmesh", hello("zrun")}};
  rpc::ServiceBus holder{other_runtime, *other_transport, {"zmesh", hello("zrms")}};
  const std::string answer = "what is answered";
  adapters::loop::Loop loop;  // takes what the thread of the files posts
  int asked = 0;

  static v1::Hello hello(const std::string& service) {
    v1::Hello hello;
    hello.set_service(service);
    hello.set_zhost("a");
    return hello;
  }
  FetchTest() {
    fs::remove(folder / one);
    fs::remove(folder / two);
    files = std::make_unique<adapters::blob_files::BlobFiles>(loop, folder.string());
    blobs = std::make_unique<Blobs>(runtime, asker, *files, "asker", 10min);
    holder.on("zrms.blob_read",
              rpc::typed<v1::BlobReadRequest, v1::BlobReadReply>(
                  [this](const rpc::Caller&, const v1::BlobReadRequest&, auto done) {
                    ++asked;
                    v1::BlobReadReply reply;
                    reply.set_total_bytes(answer.size());
                    reply.set_data(answer);
                    done(std::move(reply));
                  }));
    EXPECT_TRUE(hub.start());
    asker.start();
    holder.start();
    world.run_for(1s);
  }
  ~FetchTest() override {
    blobs.reset();
    files.reset();  // its thread posts to the loop
  }
  template <typename Done>
  void wait_for(const Done& done) {
    for (int i = 0; i < 5000 && !done(); ++i) {
      world.run_for(1ms);
      loop.after(1ms, [this] { loop.stop(); });
      loop.run();
      loop.restart();
    }
  }
  std::string keep_what_is_answered() {
    std::string name;
    blobs->keep(answer, [&](stdx::Result<std::string> stored) { name = stored.value_or("?"); });
    wait_for([&] { return !name.empty(); });
    return name;
  }
  stdx::Status fetch(const std::string& sha256) {
    std::optional<stdx::Status> status;
    blobs->fetch(sha256, {"a"}, [&](stdx::Status s) { status = std::move(s); });
    wait_for([&] { return status.has_value(); });
    return status.value_or(stdx::fail(stdx::Code::timeout, "no answer came"));
  }
};

TEST_F(FetchTest, AWrongAnswerCostsThisZhostNoArchiveThatItHolds) {
  const auto held = keep_what_is_answered();
  ASSERT_TRUE(files->has(held));
  const auto fetched = fetch(one);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(fetched.error().code, stdx::Code::unavailable) << fetched.error().message;
  EXPECT_EQ(files->list(), std::vector<std::string>{held});
}

TEST_F(FetchTest, AWrongAnswerIsNotKeptAndARightOneIs) {
  ASSERT_FALSE(fetch(one));
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(files->list().empty());
  const auto name = keep_what_is_answered();
  files->remove(name);
  EXPECT_TRUE(fetch(name));
  EXPECT_TRUE(files->has(name));
}

// Counts how often an archive is read from disk.
struct CountingStore final : ports::BlobStore {
  std::map<std::string, stdx::Bytes> archives;
  std::map<std::string, int> reads;
  void put(stdx::Bytes, Done<std::string> done) override {
    done(stdx::fail(stdx::Code::failed, ""));
  }
  void put_as(const std::string&, stdx::Bytes, Done<std::string> done) override {
    done(stdx::fail(stdx::Code::failed, ""));
  }
  void get(const std::string& sha256, Done<stdx::Bytes> done) override {
    ++reads[sha256];
    done(archives.at(sha256));
  }
  bool has(const std::string& sha256) const override { return archives.contains(sha256); }
  std::vector<std::string> list() const override { return {}; }
  void remove(const std::string&) override {}
};

TEST_F(BlobsTest, ArchivesThatAreReadAtOnceAreEachReadFromDiskOnceAndReleasedWhenIdle) {
  CountingStore store;
  for (const auto& name : {one, two}) store.archives[name] = stdx::Bytes(5u << 20, name[0]);
  Blobs reading(runtime, bus, store, "a", 10min);
  for (std::uint64_t at = 0; at < 5u << 20; at += Blobs::chunk_bytes)
    for (const auto& name : {one, two}) {
      v1::BlobReadRequest request;
      request.set_sha256(name);
      request.set_offset(at);
      request.set_bytes_max(Blobs::chunk_bytes);
      std::size_t bytes = 0;
      reading.read(request, [&](stdx::Result<v1::BlobReadReply> reply) {
        ASSERT_TRUE(reply);
        bytes = reply->data().size();
      });
      EXPECT_EQ(bytes, Blobs::chunk_bytes);
    }
  EXPECT_EQ(store.reads[one], 1);
  EXPECT_EQ(store.reads[two], 1);
  EXPECT_EQ(reading.cached(), 2u);
  world.run_for(Blobs::cached_for + 1s);
  EXPECT_EQ(reading.cached(), 0u);
}

}  // namespace
}  // namespace zrms
