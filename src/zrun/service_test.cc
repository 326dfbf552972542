// SPDX-License-Identifier: Apache-2.0
// Two zhosts, each with its zmesh and its zrun, over a simulated network: source -> relay -> sink.
#include <gtest/gtest.h>

#include <set>

#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

constexpr std::uint64_t seeds = 20;

struct Setup {
  std::uint64_t seed = 11;
  int last = 200;
  std::uint32_t pause_ms = 2, busy_ms = 0;
  model::Delivery delivery = model::Delivery::at_least_once;
  std::uint32_t mailbox = 1024;
};

struct Cluster : FakeCluster {
  Setup setup;
  int emitted = 0;
  std::vector<simkit::SinkEntry> log;

  explicit Cluster(Setup s = {}) : FakeCluster(s.seed, {"a", "b"}), setup(s) {
    auto& topology = disk.topology;
    topology.name = "flow";
    topology.owner = "test";
    for (const char* name : {"relay", "sink", "source"}) {
      auto& space = topology.spaces.emplace_back();
      space.name = space.entry = name;
      space.limits.mailbox_messages = setup.mailbox;
    }
    topology.paths = {{"down", "relay", "sink", setup.delivery},
                      {"up", "source", "relay", setup.delivery}};
    model::normalize(topology);
    guests = [this](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
      if (role == "source")
        return std::make_unique<simkit::SourceGuest>("up", setup.last, setup.pause_ms, emitted);
      if (role == "relay") return std::make_unique<simkit::RelayGuest>("down");
      return std::make_unique<simkit::SinkGuest>(log, setup.busy_ms);
    };
    start_zrun("a");
    start_zrun("b");
    world.run_for(200ms);
  }
  void place_all() {
    for (auto [space, zhost] : {std::pair{"source", "a"}, {"relay", "b"}, {"sink", "a"}})
      EXPECT_EQ(place(space, zhost, 1), "accepted");
    tell_directory();
  }
  // A new zrun, with `guests` as they are now; what goes to the sink finds nobody.
  void run_without_sink(stdx::Duration time) {
    zrun["a"].reset();
    start_zrun("a");
    world.run_for(200ms);
    place("source", "a", 1);
    place("relay", "a", 1);
    tell_directory();
    world.run_for(time);
  }
  std::set<int> arrived() const {
    std::set<int> numbers;
    for (const auto& entry : log) numbers.insert(entry.number);
    return numbers;
  }
  bool all_arrive(stdx::Duration bound = 30s) {
    return world.run_until_true(
        [&] { return arrived().size() == static_cast<std::size_t>(setup.last); }, bound);
  }
  // Two more numbers, and no more of them lost than a restart may cost.
  bool more_arrive() {
    const auto before = log.size();
    return world.run_until_true([&] { return log.size() >= before + 2; }, 6s);
  }
  // S7: a number that came before says that it may be a repeat.
  bool repeats_are_marked() const {
    std::set<int> before;
    for (const auto& entry : log)
      if (!before.insert(entry.number).second && !entry.marked) return false;
    return true;
  }
};

TEST(ZrunTest, PartnersThatComeInALaterPageOfALongListAreFound) {
  Cluster cluster;
  cluster.others = 25'000;
  cluster.place_all();
  EXPECT_TRUE(cluster.all_arrive());
  EXPECT_GE(
      cluster.zmesh.at("a")->runtime.metrics.counter("samoza_zmesh_peers_pages_total", "").value(),
      2u);
}

TEST(ZrunServiceTest, P10NothingOfASenderHereIsTakenInBeforeTheDirectoryToldOfIt) {
  Cluster cluster;
  for (const char* space : {"source", "relay", "sink"}) cluster.place(space, "a", 1);
  cluster.world.run_for(2s);
  EXPECT_TRUE(cluster.log.empty());
  cluster.tell_directory();
  ASSERT_TRUE(cluster.all_arrive());
  EXPECT_EQ(cluster.log.size(), 200u);
}

TEST(ZrunServiceTest, S8AnAtMostOnceSenderThatWaitedForRoomGoesOnWhenItsReceiverComes) {
  Cluster cluster({.last = 50, .delivery = model::Delivery::at_most_once, .mailbox = 4});
  cluster.place("source", "a", 1);
  cluster.place("sink", "a", 1);
  cluster.world.run_for(2s);
  EXPECT_EQ(cluster.emitted, 4) << "the stream is full";
  cluster.place("relay", "b", 1);
  cluster.tell_directory();
  ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.arrived().contains(50); }, 30s));
  EXPECT_EQ(cluster.arrived().size(), cluster.log.size());
}

TEST(ZrunServiceTest, S6MessagesCrossZhostsInOrderAndOnceOverDataLinks) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    Cluster cluster({.seed = seed});
    cluster.place_all();
    ASSERT_TRUE(cluster.all_arrive());
    ASSERT_EQ(cluster.log.size(), 200u);
    for (int i = 0; i < 200; ++i) EXPECT_EQ(cluster.log[static_cast<std::size_t>(i)].number, i + 1);
    EXPECT_EQ(cluster.zrun["a"]->service->data_links(), 1u);
  }
}

TEST(ZrunServiceTest, S7WhenTheZrunOfTheRelayDiesAndIsRestartedNothingIsLostAndRepeatsAreMarked) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    Cluster cluster({.seed = seed});
    cluster.place_all();
    ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.log.size() >= 50; }, 10s));
    cluster.zrun["b"].reset();
    cluster.world.run_for(300ms);
    cluster.start_zrun("b");
    EXPECT_EQ(cluster.place("relay", "b", 1, /*run=*/2), "accepted");
    ASSERT_TRUE(cluster.all_arrive()) << cluster.arrived().size() << " of 200";
    EXPECT_TRUE(cluster.repeats_are_marked());
  }
}

TEST(ZrunServiceTest, S8AtMostOnceNeverComesTwiceWhateverDies) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    Cluster cluster(
        {.seed = seed, .last = 400, .pause_ms = 5, .delivery = model::Delivery::at_most_once});
    cluster.place_all();
    ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.log.size() >= 50; }, 10s));
    cluster.zrun["b"].reset();
    cluster.world.run_for(300ms);
    cluster.start_zrun("b");
    EXPECT_EQ(cluster.place("relay", "b", 1, /*run=*/2), "accepted");
    ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.arrived().contains(400); }, 30s));
    EXPECT_EQ(cluster.arrived().size(), cluster.log.size());
  }
}

// R-SEND-6: the queue is the receiver's own, and bounded.
TEST(ZrunServiceTest, RAbiAFullMailboxMakesEmitWaitAndTheWaitEnds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    Cluster cluster({.seed = seed, .last = 300, .pause_ms = 0, .busy_ms = 20, .mailbox = 4});
    cluster.place_all();
    ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.log.size() >= 3; }, 10s));
    // Both streams and both mailboxes are bounded: what is under way is, too.
    EXPECT_LT(cluster.emitted, 300);
    ASSERT_TRUE(cluster.all_arrive(60s)) << cluster.arrived().size();
    EXPECT_EQ(cluster.log.size(), 300u);
  }
}

// Takes one message, then sends for ever without asking for another one.
class NeverAsksAgain final : public simkit::StubGuest {
 public:
  std::optional<simkit::GuestCall> next(std::int32_t) override {
    if (step_++ == 0) return receive();
    return step_ % 2 == 0 ? emit("down", "x") : sleep(5);
  }

 private:
  int step_ = 0;
};

TEST(ZrunServiceTest, S18ASpaceThatSendsAndNeverAsksForTheNextMessageGathersNothing) {
  Cluster cluster({.mailbox = 10'000});
  cluster.guests = [&, others = cluster.guests](const std::string& role) {
    return role == "relay" ? std::make_unique<NeverAsksAgain>() : others(role);
  };
  cluster.run_without_sink(3s);
  // Nobody takes in what they send: the source has no message in hand, the relay one.
  const auto& service = *cluster.zrun["a"]->service;
  ASSERT_EQ(cluster.emitted, 200);
  EXPECT_EQ(service.spaces().space(cluster.id, "source")->turn_emits(), 0u);
  EXPECT_EQ(service.spaces().space(cluster.id, "relay")->turn_emits(), 1u);
  EXPECT_EQ(service.spaces().space(cluster.id, "relay")->mailbox_size(), 200u);
}

// Takes one message, then lives of messages to itself; every turn sends on as well.
class TalksToItself final : public simkit::StubGuest {
 public:
  explicit TalksToItself(int& turns) : turns_(turns) {}
  std::optional<simkit::GuestCall> next(std::int32_t) override {
    switch (step_++ % 4) {
      case 0:
        return receive();
      case 1:
        ++turns_;
        return without_waiting(emit("down", "x"));
      case 2:
        return simkit::GuestCall{"sys.self_emit", {0, 4, 0}};
      default:
        return sleep(1);
    }
  }

 private:
  static simkit::GuestCall without_waiting(simkit::GuestCall call) {
    call.args.back() = 0;
    return call;
  }
  int& turns_;
  int step_ = 0;
};

TEST(ZrunServiceTest, S18ASpaceThatTalksToItselfWhileItsReceiverIsAwayGathersNoTurns) {
  for (const auto delivery : {model::Delivery::at_least_once, model::Delivery::at_most_once}) {
    Cluster cluster({.last = 100, .delivery = delivery});
    if (delivery == model::Delivery::at_most_once)
      cluster.disk.topology.paths[0].delivery = model::Delivery::at_least_once;  // "down"
    int turns = 0;
    cluster.guests = [&, others = cluster.guests](
                         const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
      if (role == "relay") return std::make_unique<TalksToItself>(turns);
      return others(role);
    };
    cluster.run_without_sink(3s);
    // The sink is nowhere: what `down` holds is not received.
    const auto& relay = *cluster.zrun["a"]->service->spaces().space(cluster.id, "relay");
    EXPECT_GT(turns, 500);
    EXPECT_LE(relay.open_turns(), delivery == model::Delivery::at_least_once ? 100u : 0u);
    EXPECT_LE(relay.turn_emits(), 1u);
  }
}

TEST(ZrunServiceTest, S1APlaceCommandOfAnOlderEpochOrRunIsRefused) {
  Cluster cluster;
  EXPECT_EQ(cluster.place("sink", "a", 3, 2), "accepted");
  EXPECT_EQ(cluster.place("sink", "a", 3, 2), "already");
  EXPECT_EQ(cluster.place("sink", "a", 3, 1), "refused");
  EXPECT_EQ(cluster.place("sink", "a", 2, 9), "refused");
  EXPECT_EQ(cluster.place("sink", "a", 4, 1), "accepted");
}

TEST(ZrunServiceTest, S1NothingOfASourceThatWasReplacedElsewhereIsTakenIn) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    Cluster cluster({.seed = seed, .last = 100'000, .pause_ms = 5});
    cluster.place_all();
    ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.log.size() >= 20; }, 10s));
    // The relay moves to a; the old one on b goes on, and nobody takes in what it sends.
    EXPECT_EQ(cluster.place("relay", "a", 2), "accepted");
    cluster.tell_directory();
    cluster.world.run_for(500ms);
    const auto from = cluster.log.size();
    cluster.world.run_for(1s);
    ASSERT_GT(cluster.log.size(), from);
    for (auto i = from; i < cluster.log.size(); ++i) EXPECT_EQ(cluster.log[i].sender_epoch, 2u);
  }
}

TEST(ZrunServiceTest, AnOpenDataLinkGoesOnWhileZmeshIsAway) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    Cluster cluster({.seed = seed, .last = 400, .pause_ms = 5});
    cluster.place_all();
    ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.log.size() >= 50; }, 10s));
    cluster.zmesh["a"].reset();
    cluster.zmesh["b"].reset();
    ASSERT_TRUE(cluster.all_arrive()) << cluster.arrived().size();
    EXPECT_EQ(cluster.log.size(), 400u);
  }
}

TEST(ZrunServiceTest, S8AtMostOnceGoesOnAfterARestartHoweverLittleIsSent) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    Cluster cluster({.seed = seed,
                     .last = 100'000,
                     .pause_ms = 900,
                     .delivery = model::Delivery::at_most_once});
    cluster.place_all();
    stdx::Prng prng(seed);
    std::uint32_t run = 1;
    for (const char* victim : {"b", "a", "b"}) {
      ASSERT_TRUE(cluster.more_arrive());
      cluster.world.run_for(std::chrono::milliseconds(prng.below(1000)));
      cluster.zrun[victim].reset();
      cluster.world.run_for(std::chrono::milliseconds(prng.below(3000)));
      cluster.start_zrun(victim);
      ++run;
      // Its links may be there before its spaces: what comes then finds nobody.
      cluster.world.run_for(std::chrono::milliseconds(prng.below(2000)));
      if (victim[0] == 'b') {
        EXPECT_EQ(cluster.place("relay", "b", 1, run), "accepted");
      } else {
        EXPECT_EQ(cluster.place("source", "a", 1, run), "accepted");
        EXPECT_EQ(cluster.place("sink", "a", 1, run), "accepted");
      }
      ASSERT_TRUE(cluster.more_arrive()) << "nothing after the restart of " << victim;
    }
    EXPECT_EQ(cluster.arrived().size(), cluster.log.size());
  }
}

}  // namespace
}  // namespace zrun
