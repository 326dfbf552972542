// SPDX-License-Identifier: Apache-2.0
#include "controlplane/recoverer.h"

#include <gtest/gtest.h>

#include "adapters/store_memory/memory_store.h"
#include "simkit/process.h"

namespace controlplane {
namespace {

using namespace std::chrono_literals;
using stdx::Code;

// Zhosts that answer with the pages that the test gives them: places first, then floors.
struct Fixture {
  simkit::World world{5};
  simkit::Process process{world, "z", "controlplane"};
  ports::Runtime runtime = process.runtime();
  adapters::store_memory::Database database;
  adapters::store_memory::MemoryStore store{process, database};
  Membership membership;
  RecordsGate gate{runtime, store, membership};
  std::map<std::string, std::vector<v1::Holdings>> pages;
  std::map<std::string, std::vector<v1::HoldingsRequest>> asked;
  std::optional<rpc::RpcEndpoint> endpoint;
  std::optional<Recoverer> recoverer;

  Fixture() {
    endpoint.emplace(runtime, [this](v1::Envelope envelope) { answer(envelope); });
    recoverer.emplace(runtime, *endpoint, store, gate);
    v1::Member away;
    away.set_zhost_id("away");
    away.set_incarnation(1);
    EXPECT_TRUE(database.commit({}, {{"zhost", "away", 0, away.SerializeAsString()}}));
    membership.learn(away, 1, runtime.clock.now());
    for (int i = 0; i < 2; ++i) {
      store.read_since(0, [this](auto snapshot) { gate.read(*snapshot); });
      world.run_for(100ms);
    }
    EXPECT_FALSE(gate.is_open()) << "a member has not said what it knows";
  }
  void answer(const v1::Envelope& envelope) {
    EXPECT_EQ(envelope.method(), "startz.holdings");
    const auto zhost = envelope.to().zhost();
    asked[zhost].push_back(*wire::parse<v1::HoldingsRequest>(envelope.body()));
    const auto n = asked[zhost].size();
    if (pages[zhost].size() < n) return;  // silent from here on
    v1::Envelope reply;
    reply.set_request_id(envelope.request_id());
    reply.set_is_response(true);
    reply.set_body(pages[zhost][n - 1].SerializeAsString());
    process.after(1ms, [this, reply] { endpoint->receive(reply); });
  }
  static v1::Holdings page(bool more) {
    v1::Holdings page;
    page.set_incarnation(3);
    page.set_more(more);
    page.mutable_known()->set_lineage("lost");
    page.mutable_known()->set_counter(50);
    page.mutable_known()->set_term(8);
    return page;
  }
  static v1::Holdings places(const std::string& space, bool more) {
    auto holdings = page(more);
    auto& place = *holdings.add_places();
    place.mutable_header()->set_topology_id("t");
    place.mutable_header()->set_space(space);
    place.mutable_header()->set_epoch(4);
    place.mutable_topology()->set_name("kept");
    return holdings;
  }
  static v1::Holdings floors(const std::string& space, std::uint64_t epoch, bool more) {
    auto holdings = page(more);
    auto& floor = *holdings.add_floors();
    floor.set_topology_id("u");
    floor.set_space(space);
    floor.set_epoch(epoch);
    return holdings;
  }
  stdx::Result<v1::RecoverReply> recover(std::vector<std::string> linked) {
    stdx::Result<v1::RecoverReply> got = stdx::fail(Code::failed, "no answer");
    recoverer->run(std::move(linked), [&](auto reply) { got = std::move(reply); });
    world.run_for(60s);
    return got;
  }
};

TEST(RecovererTest, P15PlacesAndFloorsAreAskedForPageByPage) {
  Fixture f;
  f.pages["a"] = {Fixture::places("x", true), Fixture::places("y", false),
                  Fixture::floors("x", 5, true), Fixture::floors("y", 900, false)};
  const auto reply = f.recover({"a"});
  ASSERT_TRUE(reply) << reply.error().message;
  ASSERT_EQ(f.asked["a"].size(), 4u);
  EXPECT_EQ(f.asked["a"][1].after_space(), "x");
  EXPECT_FALSE(f.asked["a"][1].floors());
  EXPECT_TRUE(f.asked["a"][2].floors());
  EXPECT_EQ(f.asked["a"][2].after_topology(), "") << "floors begin anew";
  EXPECT_EQ(f.asked["a"][3].after_topology(), "u");
  EXPECT_EQ(reply->spaces_taken_over(), 2u);
  EXPECT_EQ(reply->topologies_taken_over(), 1u);
  EXPECT_GT(reply->epoch_floor(), 900u) << "a floor of the last page counts";
  EXPECT_GT(reply->term(), 8u);
  EXPECT_EQ(reply->not_there_size(), 1);
  EXPECT_TRUE(f.gate.is_open());
}

TEST(RecovererTest, P15AZhostThatDoesNotSayAllIsNamedWithTheReasonAndNothingOfItIsTakenOver) {
  Fixture f;
  f.pages["a"] = {Fixture::places("x", false), Fixture::floors("x", 5, false)};
  f.pages["half"] = {Fixture::places("other", true)};
  f.pages["empty"] = {Fixture::page(true)};
  const auto reply = f.recover({"a", "half", "empty", "mute"});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->zhosts_size(), 1);
  std::map<std::string, std::string> silent;
  for (const auto& zhost : reply->silent()) silent[zhost.zhost()] = zhost.why();
  ASSERT_EQ(silent.size(), 3u);
  EXPECT_FALSE(silent.at("half").empty());
  EXPECT_NE(silent.at("empty").find("sends nothing"), std::string::npos);
  EXPECT_EQ(reply->spaces_taken_over(), 1u);
  EXPECT_EQ(reply->not_there(0), "away");
}

}  // namespace
}  // namespace controlplane
