// SPDX-License-Identifier: Apache-2.0
// Updates that change what a sender keeps and where it sends: spaces that become transactional or
// would cease to be, paths that are removed or lead elsewhere. Nothing that was accepted vanishes.
#include <gtest/gtest.h>

#include <set>

#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

using model::Delivery;

// source -> relay -> sink, with `aside` and `other` to be wired by updates. Every space but the
// source has a store.
struct Town : FakeCluster {
  std::map<std::string, std::vector<simkit::SinkEntry>> log;  // by space
  int taken = 0, last;

  Town(int numbers, std::uint32_t busy_ms, std::uint32_t mailbox, bool transactional,
       std::uint32_t pause_ms = 1, Delivery down = Delivery::at_least_once)
      : FakeCluster(11, {"a", "b"}), last(numbers) {
    auto& topology = disk.topology;
    topology.name = "town";
    topology.owner = "test";
    for (const char* name : {"source", "relay", "sink", "other", "aside"}) {
      auto& space = topology.spaces.emplace_back();
      space.name = space.entry = name;
      space.limits.mailbox_messages = space.name == "relay" ? 64 : mailbox;
      if (space.name != "source") space.store = model::StoreKind::local;
    }
    topology.paths = {{"up", "source", "relay"}, {"down", "relay", "sink", down}};
    if (transactional) topology.paths.push_back({"home", "relay", "aside", Delivery::once});
    model::normalize(topology);
    model::define(topology);
    guests = [this, busy_ms,
              pause_ms](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
      if (role == "source")
        return std::make_unique<simkit::SourceGuest>("up", last, pause_ms, taken);
      if (role == "relay") return std::make_unique<simkit::RelayGuest>("down");
      return std::make_unique<simkit::SinkGuest>(log[role], busy_ms);
    };
    start_zrun("a");
    start_zrun("b");
  }
  void run(const std::string& space, const std::string& zhost, std::uint64_t epoch = 1) {
    EXPECT_EQ(place(space, zhost, epoch), "accepted");
    tell_directory();
    EXPECT_TRUE(world.run_until_true([&] { return runs(space, epoch); }, 10s)) << space;
  }
  static void without(model::Topology& topology, const std::string& path) {
    std::erase_if(topology.paths, [&](const model::Path& p) { return p.name == path; });
  }
  std::size_t seen(const std::string& space) {
    std::set<int> numbers;
    for (const auto& entry : log[space]) numbers.insert(entry.number);
    return numbers.size();
  }
  std::size_t letters() {
    return zrun["a"]->service->letters().letters().all().size() +
           zrun["b"]->service->letters().letters().all().size();
  }
  void expect_no_repeat_unmarked(const std::string& space) {
    std::set<int> unmarked;
    for (const auto& entry : log[space]) {
      if (entry.marked) continue;
      EXPECT_TRUE(unmarked.insert(entry.number).second) << entry.number;
    }
  }
  // The sink takes each of `count` numbers, none twice without its mark; nothing is left behind.
  void expect_all_arrive(std::size_t count) {
    EXPECT_TRUE(world.run_until_true([&] { return seen("sink") == count; }, 60s)) << seen("sink");
    world.run_for(2s);
    EXPECT_EQ(letters(), 0u);
    EXPECT_EQ(unfinished(), 0u);
    expect_no_repeat_unmarked("sink");
  }
  // The relay has taken in what the source said, and has it in its streams.
  void wait_for_unfinished(std::size_t count) {
    EXPECT_TRUE(world.run_until_true([&] { return unfinished() >= count; }, 10s)) << unfinished();
  }
  std::size_t unfinished() {
    const auto* relay = at("relay");
    std::size_t all = 0;
    for (const auto* path : relay->topology().paths_of[relay->index()])
      if (path->from == relay->index()) all += path->out.unfinished();
    return all;
  }
};

TEST(UpdateOutboxTest, WhatASenderHasNotFinishedGoesOnWhenAnUpdateMakesItTransactional) {
  for (const char* sink_at : {"a", "b"}) {
    Town town(40, 20, 8, /*transactional=*/false);
    town.run("source", "a");
    town.run("relay", "a");
    town.run("sink", sink_at);
    town.wait_for_unfinished(8);
    town.next_version([](model::Topology& next) {
      next.paths.push_back({"home", "relay", "aside", Delivery::once});
    });
    town.run("aside", "a");
    town.replace("relay");
    EXPECT_TRUE(town.at("relay")->is_transactional());
    SCOPED_TRACE("the sink is at " + std::string(sink_at));
    town.expect_all_arrive(40);
  }
}

TEST(UpdateOutboxTest, WhatIsCarriedIntoAnOutboxSurvivesThatTheSpaceIsReplacedAgainAtOnce) {
  Town town(30, 20, 8, /*transactional=*/false);
  town.run("source", "a");
  town.run("relay", "a");
  town.run("sink", "b");
  town.wait_for_unfinished(8);
  town.next_version([](model::Topology& next) {
    next.paths.push_back({"home", "relay", "aside", Delivery::once});
  });
  town.run("aside", "a");
  // The second comes while the first has not read its store.
  EXPECT_EQ(town.place("relay", "a", 2, 1, false, 1), "accepted");
  EXPECT_EQ(town.place("relay", "a", 3, 1, false, 2), "accepted");
  town.tell_directory();
  EXPECT_TRUE(town.world.run_until_true([&] { return town.runs("relay", 3); }, 10s));
  EXPECT_TRUE(town.world.run_until_true([&] { return town.seen("sink") == 30; }, 60s))
      << town.seen("sink");
  EXPECT_EQ(town.letters(), 0u);
}

TEST(UpdateOutboxTest, ASpaceThatWasTransactionalStaysItSoItsOutboxGoesOn) {
  Town town(40, 20, 8, /*transactional=*/true);
  town.run("aside", "a");
  town.run("source", "a");
  town.run("relay", "a");
  town.run("sink", "b");
  town.wait_for_unfinished(8);
  town.next_version([](model::Topology& next) { Town::without(next, "home"); });
  town.replace("relay");
  EXPECT_TRUE(town.at("relay")->is_transactional());
  town.expect_all_arrive(40);
}

TEST(UpdateOutboxTest, WhatIsInAnOutboxOfAPathThatAnUpdateRemovedIsALetterAndLeavesTheStore) {
  Town town(8, 1, 64, /*transactional=*/true);
  town.run("aside", "a");
  town.run("source", "a");
  town.run("relay", "a");
  town.wait_for_unfinished(8);  // the sink does not run
  town.next_version([](model::Topology& next) { Town::without(next, "down"); });
  town.replace("relay");
  EXPECT_EQ(town.letters(), 8u);
  const auto& letter = town.zrun["a"]->service->letters().letters().all().front();
  EXPECT_EQ(letter.path, "down");
  EXPECT_EQ(letter.to, "sink");
  EXPECT_NE(letter.reason.find("removed its path"), std::string::npos) << letter.reason;
  town.world.run_for(2s);
  EXPECT_EQ(town.unfinished(), 0u);
  // And it is not in the store for the instance after this one.
  town.replace("relay");
  EXPECT_EQ(town.letters(), 8u);
}

TEST(UpdateOutboxTest, APathThatLeadsElsewhereUnderItsNameHasAnOutboxOfItsOwn) {
  Town town(16, 1, 64, /*transactional=*/true, /*pause_ms=*/50);
  town.run("aside", "a");
  town.run("source", "a");
  town.run("relay", "a");
  town.wait_for_unfinished(6);  // the sink does not run
  town.next_version([](model::Topology& next) {
    for (auto& path : next.paths)
      if (path.name == "down") path.to = "other";
  });
  town.run("other", "b");
  town.replace("relay");
  EXPECT_TRUE(
      town.world.run_until_true([&] { return town.letters() + town.seen("other") == 16; }, 20s))
      << town.letters() << " and " << town.seen("other");
  EXPECT_GE(town.letters(), 6u);
  for (const auto& entry : town.log["other"])
    EXPECT_GT(entry.number, static_cast<int>(town.letters())) << "meant for the sink";
}

TEST(UpdateOutboxTest, APathFromAnotherSenderUnderTheSameNameHasACursorOfItsOwn) {
  Town town(8, 1, 64, /*transactional=*/true, 1, Delivery::once);
  town.run("aside", "a");
  town.run("source", "a");
  town.run("relay", "a", /*epoch=*/9);
  town.run("sink", "b");
  EXPECT_TRUE(town.world.run_until_true([&] { return town.seen("sink") == 8; }, 20s));
  // Another sender of a lower epoch.
  town.next_version([](model::Topology& next) {
    Town::without(next, "down");
    Town::without(next, "up");
    next.spaces.push_back(next.spaces[0]);
    auto& feeder = next.spaces.back();
    feeder.name = "feeder";
    feeder.entry = "relay";
    feeder.store = model::StoreKind::local;
    next.paths.push_back({"up", "source", "feeder"});
    next.paths.push_back({"down", "feeder", "sink", Delivery::once});
  });
  town.last = 16;
  town.run("feeder", "a");
  town.replace("source");
  town.replace("sink");
  EXPECT_TRUE(town.world.run_until_true([&] { return town.seen("sink") == 16; }, 20s))
      << town.seen("sink");
}

TEST(UpdateOutboxTest, AStoreThatAnOutboxMayBeInIsNotTakenAway) {
  Town town(1, 1, 64, /*transactional=*/true);
  auto next = town.disk.topology;
  Town::without(next, "home");
  for (auto& space : next.spaces) space.store = model::StoreKind::none;
  model::define(next);
  const auto updated = model::update(town.disk.topology, next);
  ASSERT_FALSE(updated);
  EXPECT_NE(updated.error().message.find("space 'aside' keeps messages in its store"),
            std::string::npos)
      << updated.error().message;
}

TEST(UpdateOutboxTest, ALowerBoundOfAMailboxHoldsForWhatIsSentAfterIt) {
  OutStream stream({.messages_max = 4});
  MessagePool pool;
  for (int i = 0; i < 3; ++i) stream.push(pool.make("x"));
  stream.set_limits({.messages_max = 1});
  EXPECT_TRUE(stream.full(1));
  // Admitted before, as a turn that was being committed.
  EXPECT_EQ(stream.push(pool.make("x")), 4u);
}

// P8: the older instance on b goes on, and says what it has handled.
TEST(UpdateOutboxTest, S7AReceiverThatWasReplacedByOneBesideItsSenderAcknowledgesNothing) {
  for (const bool transactional : {false, true}) {
    Town town(60, 20, 16, transactional);
    if (transactional) town.run("aside", "a");
    town.run("source", "a");
    town.run("relay", "a");
    town.run("sink", "b");
    town.wait_for_unfinished(16);
    const auto& path = *[&] {
      const auto* relay = town.at("relay");
      for (auto* p : relay->topology().paths_of[relay->index()])
        if (p->from == relay->index() && p->out.unfinished() > 0) return p;
      return relay->topology().paths_of[0].front();
    }();
    const auto finished = path.out.first_unfinished() - 1;
    EXPECT_EQ(town.place("sink", "a", 2), "accepted");
    town.tell_directory({"a"});
    EXPECT_TRUE(town.world.run_until_true(
        [&] { return path.counts.finished + finished >= 60 && path.out.unfinished() == 0; }, 60s))
        << path.counts.finished << " by the new one, " << finished << " before it";
  }
}

}  // namespace
}  // namespace zrun
