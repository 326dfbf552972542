// SPDX-License-Identifier: Apache-2.0
#include "controlplane/record_copier.h"

#include <gtest/gtest.h>

#include "adapters/store_memory/memory_store.h"
#include "controlplane/copy_fetch.h"
#include "simkit/process.h"

namespace controlplane {
namespace {

using namespace std::chrono_literals;
using stdx::Code;

// What zhosts do with copies that are put to them.
struct FakeZhost {
  std::string refuses;
  bool silent = false;
  v1::CopyInfo info;  // of the one that is there or comes in
  stdx::Bytes bytes;
  std::size_t offers = 0, parts = 0;

  stdx::Result<v1::CopyPutReply> put(const v1::CopyPut& part) {
    if (!refuses.empty()) return stdx::fail(Code::full, refuses);
    v1::CopyPutReply reply;
    if (part.data().empty()) {
      ++offers;
      const bool same = info.counter() == part.info().counter() &&
                        info.lineage() == part.info().lineage() && bytes.size() == info.bytes();
      reply.set_kept(same && info.bytes() > 0);
      if (!reply.kept()) bytes.clear();
      info = part.info();
      return reply;
    }
    ++parts;
    EXPECT_EQ(part.offset(), bytes.size());
    EXPECT_LE(part.data().size(), RecordCopier::part_bytes);
    bytes += part.data();
    reply.set_kept(bytes.size() == info.bytes());
    return reply;
  }
};

struct Fixture {
  simkit::World world{5};
  simkit::Process process{world, "z", "controlplane"};
  ports::Runtime runtime = process.runtime();
  adapters::store_memory::Database database;
  std::size_t copies_made = 0, copy_bytes = 600'000;
  adapters::store_memory::MemoryStore store{
      process, database, 1ms, [this](const ports::Store::Snapshot& s) {
        ++copies_made;
        return ports::Store::Copy{stdx::Bytes(copy_bytes, static_cast<char>('a' + s.revision % 26)),
                                  "hash"};
      }};
  Membership membership;
  RecordsGate gate{runtime, store, membership};
  std::map<std::string, FakeZhost> zhosts;
  std::size_t under_way = 0, under_way_most = 0;
  std::optional<rpc::RpcEndpoint> endpoint;
  std::optional<RecordCopier> copier;

  explicit Fixture(std::size_t on = 2) {
    endpoint.emplace(runtime, [this](v1::Envelope asked) { send(asked); });
    copier.emplace(runtime, *endpoint, store, gate,
                   RecordCopier::Options{.interval = 10min, .zhosts = on, .own_zhost = "z"});
    copier->linked = [this] {
      std::set<std::string> linked{"z"};
      for (const auto& [zhost, fake] : zhosts) linked.insert(zhost);
      return linked;
    };
    copier->has_other_members = [] { return true; };
    for (int i = 0; i < 3; ++i) read();  // makes the lineage, and opens
    EXPECT_TRUE(gate.is_open());
    copier->start();
  }
  void send(const v1::Envelope& asked) {
    EXPECT_EQ(asked.method(), "zbase.copy_put");
    auto& zhost = zhosts.at(asked.to().zhost());
    if (zhost.silent) return;
    under_way_most = std::max(under_way_most, ++under_way);
    process.after(5ms, [this, asked, &zhost] {
      --under_way;
      const auto reply = zhost.put(*wire::parse<v1::CopyPut>(asked.body()));
      if (!reply) return endpoint->receive(rpc::RpcEndpoint::failure(asked, reply.error()));
      v1::Envelope answer;
      answer.set_request_id(asked.request_id());
      answer.set_is_response(true);
      answer.set_body(reply->SerializeAsString());
      endpoint->receive(answer);
    });
  }
  void read() {
    store.read_since(0, [this](auto snapshot) {
      gate.read(*snapshot);
      copier->look();
    });
    world.run_for(10ms);
  }
  void change() {
    const auto key = std::to_string(database.revision());
    EXPECT_TRUE(database.commit({}, {{"topology", key, 0, "x"}}));
    read();
  }
  // As the polls of the service do.
  void run(stdx::Duration time) {
    for (stdx::Duration done{}; done < time; done += 10s) {
      world.run_for(10s);
      read();
    }
  }
};

TEST(RecordCopierTest, ACopyIsMadeSoonAfterAStartAndThenOnlyWhereSomethingChanged) {
  Fixture f;
  f.zhosts["a"], f.zhosts["b"], f.zhosts["c"], f.zhosts["z"];
  f.run(2min);
  EXPECT_EQ(f.copies_made, 1u);
  EXPECT_EQ(f.zhosts["a"].bytes.size(), 600'000u);
  EXPECT_EQ(f.zhosts["a"].parts, 3u) << "in parts";
  EXPECT_EQ(f.zhosts["b"].bytes.size(), 600'000u);
  EXPECT_EQ(f.zhosts["c"].offers, 0u) << "two are enough";
  EXPECT_EQ(f.zhosts["z"].offers, 0u) << "its own zhost is lost with the database";
  EXPECT_EQ(f.under_way_most, 1u) << "one part at a time in all: leases share the links";
  f.run(60min);
  EXPECT_EQ(f.copies_made, 1u) << "nothing has changed";
  f.change();
  f.run(11min);
  EXPECT_EQ(f.copies_made, 2u);
  EXPECT_EQ(f.zhosts["b"].info.counter(), f.database.revision());
  EXPECT_FALSE(f.copier->newest().empty());
}

TEST(RecordCopierTest, WhatAZhostHasAlreadyIsNotSentAgain) {
  Fixture f;
  f.zhosts["a"];
  f.run(2min);
  ASSERT_EQ(f.zhosts["a"].parts, 3u);
  // The control plane starts anew and knows of no copy.
  f.copier.emplace(f.runtime, *f.endpoint, f.store, f.gate,
                   RecordCopier::Options{.interval = 10min, .zhosts = 2, .own_zhost = "z"});
  f.copier->linked = [] { return std::set<std::string>{"a"}; };
  f.copier->has_other_members = [] { return true; };
  f.copier->start();
  f.run(2min);
  EXPECT_EQ(f.zhosts["a"].offers, 2u);
  EXPECT_EQ(f.zhosts["a"].parts, 3u);
}

TEST(RecordCopierTest, AZhostThatHasNoRoomOrIsSilentIsReplacedByAnotherOne) {
  Fixture f;
  f.zhosts["a"].refuses = "the disk of a is full";
  f.zhosts["b"].silent = true;
  f.zhosts["c"], f.zhosts["d"];
  f.run(3min);
  EXPECT_EQ(f.zhosts["c"].bytes.size(), 600'000u);
  EXPECT_EQ(f.zhosts["d"].bytes.size(), 600'000u);
  EXPECT_EQ(f.copier->detail(), "");
}

TEST(RecordCopierTest, AfterThreeIntervalsWithoutACopyItIsSaidSinceWhenAndWhyUntilThereIsOne) {
  Fixture f;
  f.zhosts["a"].refuses = "the disk of a is full";
  f.run(29min);
  EXPECT_EQ(f.copier->detail(), "");
  f.run(2min);
  const auto said = f.copier->detail();
  EXPECT_NE(said.find("no other zhost has a copy of the newest records since "), std::string::npos);
  EXPECT_NE(said.find("zhost a did not take one: the disk of a is full"), std::string::npos)
      << said;
  f.run(5min);
  EXPECT_EQ(f.copier->detail(), said) << "the same text, or everybody would be told each second";
  auto& overdue = f.runtime.metrics.gauge("samoza_controlplane_copy_overdue", "");
  EXPECT_EQ(overdue.value(), 1);
  f.zhosts["a"].refuses = "";
  f.run(2min);
  EXPECT_EQ(overdue.value(), 0);
  EXPECT_EQ(f.copier->detail(), "") << "it is tried again within a minute";
}

TEST(RecordCopierTest, ADatabaseThatMakesNoCopiesIsNotOverdue) {
  Fixture f;
  adapters::store_memory::MemoryStore none{f.process, f.database};
  f.zhosts["a"];
  f.copier.emplace(f.runtime, *f.endpoint, none, f.gate,
                   RecordCopier::Options{.interval = 10min, .zhosts = 2, .own_zhost = "z"});
  f.copier->linked = [] { return std::set<std::string>{"a"}; };
  f.copier->has_other_members = [] { return true; };
  f.copier->start();
  f.run(60min);
  EXPECT_EQ(f.copier->detail(), "");
  EXPECT_EQ(f.zhosts["a"].offers, 0u);
}

// --- bringing one back ---

struct Fetching {
  simkit::World world{5};
  simkit::Process process{world, "z", "controlplane"};
  ports::Runtime runtime = process.runtime();
  v1::CopiesReply there;
  stdx::Bytes bytes;
  std::optional<rpc::RpcEndpoint> endpoint;

  Fetching() {
    endpoint.emplace(runtime, [this](v1::Envelope asked) {
      process.after(1ms, [this, asked] {
        v1::Envelope answer;
        answer.set_request_id(asked.request_id());
        answer.set_is_response(true);
        if (asked.method() == "zbase.copies") {
          answer.set_body(there.SerializeAsString());
        } else {
          const auto request = *wire::parse<v1::CopyReadRequest>(asked.body());
          v1::CopyReadReply reply;
          if (request.offset() < bytes.size()) reply.set_data(bytes.substr(request.offset(), 100));
          answer.set_body(reply.SerializeAsString());
        }
        endpoint->receive(answer);
      });
    });
  }
  void has(const char* sha256, std::uint64_t size, bool damaged = false) {
    auto& info = *there.add_copies();
    info.set_sha256(sha256);
    info.set_bytes(size);
    info.set_damaged(damaged);
  }
  stdx::Result<FetchedCopy> fetch(const std::string& which) {
    stdx::Result<FetchedCopy> got = stdx::fail(Code::failed, "no answer");
    fetch_copy(*endpoint, "a", which, [&](auto fetched) { got = std::move(fetched); });
    world.run_for(30s);
    return got;
  }
};

TEST(CopyFetchTest, TheNewestWholeCopyComesPartByPartOrTheOneThatIsNamed) {
  Fetching f;
  f.has("dd", 250, /*damaged=*/true);
  f.has("aa", 250);
  f.has("bb", 250);
  f.bytes = stdx::Bytes(250, 'x');
  auto newest = f.fetch("");
  ASSERT_TRUE(newest) << newest.error().message;
  EXPECT_EQ(newest->copy.sha256, "aa");
  EXPECT_EQ(newest->copy.bytes, f.bytes);
  EXPECT_EQ(f.fetch("b")->copy.sha256, "bb");
  const auto none = f.fetch("cc");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::not_found);
  EXPECT_NE(none.error().message.find("cluster copies"), std::string::npos);
}

TEST(CopyFetchTest, ACopyThatIsShorterOrLongerThanItSaysIsNotTaken) {
  Fetching f;
  f.has("aa", 250);
  f.bytes = stdx::Bytes(150, 'x');
  EXPECT_EQ(f.fetch("").error().code, Code::corrupt);
  f.bytes = stdx::Bytes(300, 'x');
  EXPECT_EQ(f.fetch("").error().code, Code::corrupt);
}

}  // namespace
}  // namespace controlplane
