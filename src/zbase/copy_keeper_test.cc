// SPDX-License-Identifier: Apache-2.0
#include "zbase/copy_keeper.h"

#include <gtest/gtest.h>

#include "simkit/process.h"

namespace zbase {
namespace {

using namespace std::chrono_literals;
using stdx::Code;

// Answers at once; what it says of the hash and of room is the test's.
struct FakeCopies : ports::CopyStore {
  std::vector<ports::RecordsCopy> copies;  // newest first
  std::map<std::string, stdx::Bytes> bytes;
  stdx::Status room, stored;
  std::size_t reads = 0;

  void check_room(std::uint64_t, Stored done) override { done(room); }
  void put(ports::RecordsCopy copy, stdx::Bytes content, Stored done) override {
    if (stored) {
      bytes[copy.sha256] = std::move(content);
      copies.insert(copies.begin(), std::move(copy));
    }
    done(stored);
  }
  void get(const std::string& sha256, Done<stdx::Bytes> done) override {
    ++reads;
    if (!bytes.contains(sha256)) return done(stdx::fail(Code::not_found, "no such copy"));
    done(bytes.at(sha256));
  }
  std::vector<ports::RecordsCopy> list() const override { return copies; }
};

struct Fixture {
  simkit::World world{3};
  simkit::Process process{world, "a", "zbase"};
  ports::Runtime runtime = process.runtime();
  FakeCopies store;
  std::optional<v1::Envelope> answer;
  rpc::RpcEndpoint endpoint{runtime, [this](v1::Envelope e) { answer = std::move(e); }};
  CopyKeeper keeper{runtime, store, endpoint};

  // The error code, 0 where it was done.
  int ask(const std::string& method, const stdx::Bytes& body, v1::ServiceAddress from) {
    v1::Envelope envelope;
    *envelope.mutable_from() = std::move(from);
    envelope.set_request_id(7);
    envelope.set_method(method);
    envelope.set_body(body);
    answer.reset();
    endpoint.receive(envelope);
    EXPECT_TRUE(answer) << method;
    return answer->status().code();
  }
  int put(const v1::CopyInfo& info, std::uint64_t offset, const stdx::Bytes& data) {
    v1::CopyPut part;
    *part.mutable_info() = info;
    part.set_offset(offset);
    part.set_data(data);
    return ask("zbase.copy_put", part.SerializeAsString(), rpc::address("", "controlplane"));
  }
  bool kept() const { return wire::parse<v1::CopyPutReply>(answer->body())->kept(); }
  stdx::Bytes read(const std::string& sha256, std::uint64_t offset) {
    v1::CopyReadRequest request;
    request.set_sha256(sha256);
    request.set_offset(offset);
    if (ask("zbase.copy_read", request.SerializeAsString(), rpc::address("", "controlplane")) != 0)
      return "error";
    return wire::parse<v1::CopyReadReply>(answer->body())->data();
  }
};

v1::CopyInfo copy(const std::string& sha256, std::uint64_t bytes, std::uint64_t counter) {
  v1::CopyInfo info;
  info.set_sha256(sha256);
  info.set_bytes(bytes);
  info.set_counter(counter);
  info.set_lineage("L");
  return info;
}

TEST(CopyKeeperTest, ACopyComesInPartByPartIsKeptWholeAndGivenBack) {
  Fixture f;
  const auto info = copy("aa", 6, 5);
  EXPECT_EQ(f.put(info, 0, ""), 0);
  EXPECT_FALSE(f.kept()) << "it is wanted";
  EXPECT_EQ(f.put(info, 0, "abcd"), 0);
  EXPECT_FALSE(f.kept());
  EXPECT_EQ(f.put(info, 4, "ef"), 0);
  EXPECT_TRUE(f.kept());
  EXPECT_EQ(f.store.bytes.at("aa"), "abcdef");
  EXPECT_EQ(f.read("aa", 0), "abcdef");
  EXPECT_EQ(f.read("aa", 4), "ef");
  EXPECT_EQ(f.read("aa", 6), "");
  EXPECT_EQ(f.store.reads, 1u) << "parts are not read from the disk one by one";
  EXPECT_EQ(f.read("bb", 0), "error");
  EXPECT_EQ(f.put(copy("bb", 6, 5), 0, ""), 0);
  EXPECT_TRUE(f.kept()) << "of one state one copy is enough";
  ASSERT_EQ(f.ask("zbase.copies", "", rpc::address("other", "zrms")), 0);
  EXPECT_EQ(wire::parse<v1::CopiesReply>(f.answer->body())->copies(0).counter(), 5u);
}

TEST(CopyKeeperTest, WhatHasNoRoomIsRefusedBeforeItIsSentAndWhatIsNotNextIsNotTaken) {
  Fixture f;
  f.store.room = stdx::fail(Code::full, "the disk is full");
  EXPECT_EQ(f.put(copy("aa", 6, 5), 0, ""), static_cast<int>(Code::full));
  f.store.room = {};
  EXPECT_EQ(f.put(copy("aa", 6, 5), 0, "abc"), static_cast<int>(Code::stale)) << "not asked about";
  EXPECT_EQ(f.put(copy("aa", 6, 5), 0, ""), 0);
  EXPECT_EQ(f.put(copy("aa", 6, 5), 3, "def"), static_cast<int>(Code::stale)) << "a gap";
  EXPECT_EQ(f.put(copy("bb", 6, 5), 0, "abc"), static_cast<int>(Code::stale)) << "of another copy";
  EXPECT_EQ(f.put(copy("aa", 6, 5), 0, "abcdefg"), static_cast<int>(Code::stale)) << "too long";
  EXPECT_EQ(f.put(copy("aa", ports::Store::copy_bytes_max + 1, 5), 0, ""),
            static_cast<int>(Code::invalid));
  f.store.stored = stdx::fail(Code::corrupt, "another hash");
  EXPECT_EQ(f.put(copy("aa", 6, 5), 0, "abcdef"), static_cast<int>(Code::corrupt));
  EXPECT_TRUE(f.store.copies.empty());
}

TEST(CopyKeeperTest, ACopyThatDoesNotGoOnIsDroppedAndNobodyButTheControlPlanePutsOrReads) {
  Fixture f;
  EXPECT_EQ(f.put(copy("aa", 6, 5), 0, ""), 0);
  EXPECT_EQ(f.put(copy("aa", 6, 5), 0, "abc"), 0);
  f.world.run_for(CopyKeeper::incoming_timeout + 1s);
  EXPECT_EQ(f.put(copy("aa", 6, 5), 3, "def"), static_cast<int>(Code::stale));
  for (const auto& other : {rpc::address("b", "controlplane"), rpc::address("", "zrms")}) {
    EXPECT_EQ(f.ask("zbase.copy_put", "", other), static_cast<int>(Code::denied));
    EXPECT_EQ(f.ask("zbase.copy_read", "", other), static_cast<int>(Code::denied));
  }
}

}  // namespace
}  // namespace zbase
