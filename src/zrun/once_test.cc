// SPDX-License-Identifier: Apache-2.0
// `once` between real zruns on virtual time, whose processes are killed: source on a, relay on b,
// sink on c. What a space has committed is on the disk of its zhost.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "stdx/text.h"
#include "zrun/testing/fake_cluster.h"
#include "zrun/testing/once_guests.h"

namespace zrun {
namespace {

struct Setup {
  std::uint64_t seed = 1;
  int last = 150;
  std::uint32_t pause_ms = 2, busy_ms = 0;
  std::uint32_t mailbox = 1024;
  model::Delivery up = model::Delivery::once, down = model::Delivery::once;
  std::map<std::string, std::string> home{{"relay", "b"}, {"sink", "c"}, {"source", "a"}};
  int burst = 0;                 // the source is a Burst
  int large = 0;                 // of this message the sink writes 4,000 bytes
  std::uint64_t sink_bytes = 0;  // that it may store
};

struct OnceCluster : FakeCluster {
  using Values = std::map<stdx::Bytes, stdx::Bytes>;
  Setup setup;
  std::vector<simkit::SinkEntry> log;
  std::function<bool(int)> traps = [](int) { return false; };
  std::map<std::string, std::uint32_t> runs;  // by zhost
  std::vector<std::int32_t> burst_results;

  explicit OnceCluster(Setup s) : FakeCluster(s.seed, {"a", "b", "c"}), setup(std::move(s)) {
    auto& topology = disk.topology;
    topology.name = "flow";
    topology.owner = "test";
    for (const auto& [name, zhost] : setup.home) {
      auto& space = topology.spaces.emplace_back();
      space.name = space.entry = name;
      space.type = model::SpaceType::data;
      space.capabilities = {"data.read", "data.write"};
      space.limits.mailbox_messages = setup.mailbox;
      if (name == "sink" && setup.sink_bytes > 0) space.limits.data_bytes = setup.sink_bytes;
    }
    topology.paths = {{"down", "relay", "sink", setup.down}, {"up", "source", "relay", setup.up}};
    model::normalize(topology);
    EXPECT_EQ(model::validate(topology).empty(), setup.sink_bytes == 0) << "a bound for the test";
    guests = [this](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
      if (role == "source" && setup.burst > 0)
        return std::make_unique<Burst>(setup.burst, burst_results);
      if (role == "source") return std::make_unique<OnceSource>(setup.last, setup.pause_ms);
      if (role == "relay") return std::make_unique<OnceRelay>(traps);
      return std::make_unique<OnceSink>(log, setup.busy_ms, setup.large);
    };
    for (const auto& [zhost, ip] : ips) start(zhost);
    tell_directory();
  }
  // A first start, or what startz does when its zrun died: the same placements, the next run.
  void start(const std::string& zhost) {
    start_zrun(zhost);
    const auto run = ++runs[zhost];
    for (const auto& [space, at] : setup.home)
      if (at == zhost) {
        EXPECT_EQ(place(space, zhost, 1, run), "accepted");
      }
  }
  void kill(const std::string& zhost) { zrun.at(zhost).reset(); }

  const Values& values(const std::string& space) {
    static const Values none;
    const auto& shelves = stored[setup.home.at(space)];
    const auto at = shelves.find({model::TopologyId(id), space});
    return at == shelves.end() ? none : at->second->values;
  }
  int number(const std::string& space, const std::string& key) {
    const auto at = values(space).find(key);
    return at == values(space).end() ? 0 : std::stoi(at->second);
  }
  int arrived() { return number("sink", "count"); }
  bool all_arrive(stdx::Duration bound = 120s) {
    return world.run_until_true([&] { return arrived() >= setup.last; }, bound);
  }
  // Exactly once and in order, as its own data tells.
  void expect_exactly_once() {
    EXPECT_EQ(arrived(), setup.last);
    for (int i = 1; i <= setup.last; ++i)
      EXPECT_EQ(number("sink", stdx::format("{:06}", i)), i) << "seed " << setup.seed;
    for (const auto& entry : log) EXPECT_FALSE(entry.marked) << entry.number;
  }
  // Entries of an outbox on the disk of its sender.
  std::size_t stored_entries(const std::string& space, const std::string& path) {
    const auto& shelves = stored[setup.home.at(space)];
    const auto at = shelves.find({model::TopologyId(id), space});
    if (at == shelves.end()) return 0;
    return static_cast<std::size_t>(
        std::count_if(at->second->records.begin(), at->second->records.end(),
                      [&](const auto& r) { return r.first.starts_with("outbox/" + path + "/"); }));
  }
  stdx::Status send_from_outside(const std::string& number) {
    v1::SendRequest request;
    request.set_topology("flow");
    request.set_from("source");
    request.set_path("up");
    request.set_payload(number);
    std::optional<stdx::Status> answer;
    zrun.at(setup.home.at("source"))
        ->service->outside_requests()
        .send_along_path(request, [&](stdx::Status status) { answer = std::move(status); });
    EXPECT_TRUE(world.run_until_true([&] { return answer.has_value(); }, 1s));
    return *answer;
  }
  std::uint64_t counted(const std::string& zhost, const std::string& metric) {
    return zrun.at(zhost)->process.metrics().counter(metric, "").value();
  }
};

// The data of a relay that nobody killed.
const OnceCluster::Values& undisturbed_relay(int last) {
  static std::map<int, OnceCluster::Values> known;
  auto& values = known[last];
  if (values.empty()) {
    OnceCluster cluster({.last = last});
    EXPECT_TRUE(cluster.all_arrive());
    cluster.expect_exactly_once();
    EXPECT_EQ(cluster.log.size(), static_cast<std::size_t>(last));
    values = cluster.values("relay");
  }
  return values;
}

TEST(OnceTest, S7EachNumberComesOnceAndInOrder) {
  EXPECT_EQ(undisturbed_relay(150).at("sum"), std::to_string(150 * 151 / 2));
}

// Kills zruns of `victims` at moments that the seed chooses until all has arrived.
void disturb(OnceCluster& cluster, const std::vector<std::string>& victims, int kills) {
  stdx::Prng prng(cluster.setup.seed * 7919);
  for (int i = 0; i < kills; ++i) {
    cluster.world.run_for(std::chrono::microseconds(prng.between(500, 120'000)));
    const auto& victim = victims[prng.below(victims.size())];
    cluster.kill(victim);
    cluster.world.run_for(std::chrono::microseconds(prng.between(100, 300'000)));
    cluster.start(victim);
  }
}

void expect_once_whatever_dies(std::uint64_t seeds, const std::vector<std::string>& victims,
                               Setup setup = {}) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    setup.seed = seed;
    OnceCluster cluster(setup);
    disturb(cluster, victims, 8);
    ASSERT_TRUE(cluster.all_arrive()) << "seed " << seed << ": " << cluster.arrived();
    cluster.world.run_for(2s);
    cluster.expect_exactly_once();
    EXPECT_EQ(cluster.values("relay"), undisturbed_relay(150)) << "seed " << seed;
    if (testing::Test::HasFailure()) return;
  }
}

TEST(OnceTest, S7S8NothingIsLostOrRepeatedWhenTheZrunOfTheSenderDies) {
  expect_once_whatever_dies(40, {"a"});
}

TEST(OnceTest, S7S8NothingIsLostOrRepeatedWhenTheZrunInTheMiddleDies) {
  expect_once_whatever_dies(40, {"b"});
}

TEST(OnceTest, S7S8NothingIsLostOrRepeatedWhenTheZrunOfTheReceiverDies) {
  expect_once_whatever_dies(40, {"c"});
}

TEST(OnceTest, S7S8NothingIsLostOrRepeatedWhicheverZrunDies) {
  expect_once_whatever_dies(60, {"a", "b", "c"});
}

TEST(OnceTest, S7S8NothingIsLostOrRepeatedWhenBothEndsOfAPathDieTogether) {
  expect_once_whatever_dies(40, {"a", "c"},
                            {.home = {{"relay", "a"}, {"sink", "c"}, {"source", "a"}}});
}

TEST(OnceTest, S7S8NothingIsLostOrRepeatedWithSmallMailboxesOnOneZhostAfterTheOther) {
  expect_once_whatever_dies(40, {"a", "b", "c"}, {.pause_ms = 0, .busy_ms = 1, .mailbox = 3});
}

TEST(OnceTest, S7S8NothingIsLostOrRepeatedWhenWaysAreCutAndZrunsDieMeanwhile) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    OnceCluster cluster({.seed = seed, .last = 600});
    stdx::Prng prng(seed);
    for (int i = 0; i < 4; ++i) {
      cluster.world.run_for(std::chrono::milliseconds(prng.between(1, 200)));
      const auto [from, to] = prng.chance(1, 2) ? std::pair{"a", "b"} : std::pair{"c", "b"};
      cluster.network.cut(from, to);
      if (prng.chance(1, 2)) cluster.network.cut(to, from);
      disturb(cluster, {"a", "b", "c"}, static_cast<int>(prng.below(3)));
      // Links break after 8 s.
      cluster.world.run_for(std::chrono::milliseconds(prng.between(1, 12'000)));
      cluster.network.heal_all();
    }
    ASSERT_TRUE(cluster.all_arrive()) << "seed " << seed << ": " << cluster.arrived();
    cluster.expect_exactly_once();
    EXPECT_EQ(cluster.values("relay"), undisturbed_relay(600)) << "seed " << seed;
  }
}

TEST(OnceTest, S7ATopologyThatIsStoppedAndStartedGoesOnWhereItWas) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    OnceCluster cluster({.seed = seed, .mailbox = 8});
    stdx::Prng prng(seed);
    for (std::uint64_t epoch = 1; epoch <= 4; ++epoch) {
      cluster.world.run_for(std::chrono::microseconds(prng.between(1000, 60'000)));
      for (const auto& [space, zhost] : cluster.setup.home) {
        v1::StopCommand command;
        command.mutable_header()->set_topology_id(cluster.id);
        command.mutable_header()->set_space(space);
        command.mutable_header()->set_epoch(epoch);
        cluster.zrun[zhost]->service->stop(command);
        cluster.world.run_for(std::chrono::microseconds(prng.below(3000)));
      }
      cluster.world.run_for(10ms);
      for (const auto& [space, zhost] : cluster.setup.home)
        EXPECT_EQ(cluster.place(space, zhost, epoch + 1), "accepted");
      cluster.tell_directory();
    }
    ASSERT_TRUE(cluster.all_arrive()) << "seed " << seed << ": " << cluster.arrived();
    cluster.expect_exactly_once();
    EXPECT_EQ(cluster.values("relay"), undisturbed_relay(150)) << "seed " << seed;
    for (const auto& [name, process] : cluster.zrun)
      EXPECT_EQ(process->service->letters().letters().total(), 0u) << "they are in the outbox";
  }
}

TEST(OnceTest, S7ATurnThatTrapsHasNotBeenAndItsMessageComesAgainUnmarked) {
  OnceCluster cluster({});
  int traps = 0;
  cluster.traps = [&](int number) { return number % 50 == 0 && ++traps % 2 == 1; };
  ASSERT_TRUE(cluster.all_arrive());
  EXPECT_EQ(traps, 6) << "each of 50, 100 and 150 trapped, and went on when it came again";
  cluster.expect_exactly_once();
  EXPECT_EQ(cluster.log.size(), 150u);
  EXPECT_EQ(cluster.values("relay"), undisturbed_relay(150));
}

TEST(OnceTest, S18TheOutboxIsBoundedAndEmitWaitsThere) {
  OnceCluster cluster({.last = 60, .pause_ms = 0, .busy_ms = 20, .mailbox = 4});
  std::size_t most = 0;
  int furthest = 0;
  cluster.world.after_event = [&] {
    most = std::max(
        {most, cluster.stored_entries("source", "up"), cluster.stored_entries("relay", "down")});
    furthest = std::max(furthest, cluster.number("source", "n") - cluster.arrived());
  };
  ASSERT_TRUE(cluster.all_arrive());
  cluster.expect_exactly_once();
  EXPECT_LE(most, 8u) << "unfinished ones, and those to be removed with the next transaction";
  EXPECT_LE(furthest, 9) << "four in each outbox, and the one that just arrived";
  EXPECT_GE(furthest, 8) << "the bound was reached";
  // What is finished leaves the disk also when no turn comes any more.
  cluster.world.run_for(2s);
  EXPECT_EQ(cluster.stored_entries("source", "up") + cluster.stored_entries("relay", "down"), 0u);
}

TEST(OnceTest, S18ATurnThatSendsMoreThanTheOutboxHoldsIsToldSoAndNeverWaitsForItself) {
  OnceCluster cluster({.last = 4, .mailbox = 4, .burst = 5});
  ASSERT_TRUE(cluster.all_arrive());
  EXPECT_EQ(cluster.burst_results, (std::vector<std::int32_t>{0, 0, 0, 0, guest_abi::e_full}));
  cluster.expect_exactly_once();
}

TEST(OnceTest, AMessageFromOutsideIsOnDiskWhenItIsAccepted) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    OnceCluster cluster({.seed = seed, .last = 5});
    ASSERT_TRUE(cluster.all_arrive());
    EXPECT_TRUE(cluster.send_from_outside("6"));
    cluster.kill("a");
    cluster.start("a");
    cluster.setup.last = 6;
    EXPECT_TRUE(cluster.all_arrive()) << "seed " << seed;
  }
}

// What a plain sender repeats to a transactional space is dropped where it was committed: also the
// path that only promises at-least-once repeats nothing while its sender lives.
TEST(OnceTest, S7ATransactionalSpaceTakesNothingTwiceFromAPlainSenderThatLives) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    OnceCluster cluster({.seed = seed, .up = model::Delivery::at_least_once});
    disturb(cluster, {"b"}, 8);
    ASSERT_TRUE(cluster.all_arrive()) << "seed " << seed;
    cluster.world.run_for(2s);
    EXPECT_EQ(cluster.arrived(), 150);
    EXPECT_EQ(cluster.number("relay", "sum"), 150 * 151 / 2) << "seed " << seed;
  }
}

TEST(OnceTest, S7APlainReceiverOfATransactionalSpaceLosesNothingAndItsRepeatsAreMarked) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    OnceCluster cluster({.seed = seed, .down = model::Delivery::at_least_once});
    disturb(cluster, {"b", "c"}, 8);
    std::map<int, int> unmarked;
    const auto all = [&] {
      unmarked.clear();
      std::set<int> numbers;
      for (const auto& entry : cluster.log) {
        numbers.insert(entry.number);
        if (!entry.marked) ++unmarked[entry.number];
      }
      return numbers.size() == 150u;
    };
    ASSERT_TRUE(cluster.world.run_until_true(all, 60s)) << "seed " << seed;
    for (const auto& [number, times] : unmarked) EXPECT_EQ(times, 1) << number << " seed " << seed;
  }
}

TEST(OnceTest, TheCountersTellOfCommitsRepeatsAndWhatWasSentAgain) {
  std::uint64_t resent = 0, dropped = 0, committed = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    OnceCluster cluster({.seed = seed});
    stdx::Prng prng(seed);
    for (int i = 0; i < 6; ++i) {
      cluster.world.run_for(std::chrono::milliseconds(prng.between(20, 60)));
      cluster.kill("a");
      cluster.start("a");
    }
    ASSERT_TRUE(cluster.all_arrive());
    cluster.world.run_for(100ms);  // the answer of the last commit
    resent += cluster.counted("a", "samoza_zrun_outbox_resent_total");
    dropped += cluster.counted("b", "samoza_zrun_already_committed_total");
    committed += cluster.counted("c", "samoza_zrun_turns_committed_total");
  }
  EXPECT_EQ(committed, 20u * 150u);
  EXPECT_GT(resent, 0u);
  EXPECT_GT(dropped, 0u);
}

// Behind it may be messages that delete something.
TEST(OnceTest, S7AMessageWhoseWritesFindNoRoomIsADeadLetterAndThoseBehindItAreHandled) {
  struct Setup setup;
  setup.last = 20;
  setup.large = 10;
  setup.sink_bytes = 3000;
  OnceCluster cluster(setup);
  EXPECT_TRUE(cluster.world.run_until_true(
      [&] {
        const auto& values = cluster.values("sink");
        const auto count = values.find("count");
        return count != values.end() && count->second == "19";
      },
      300s));
  const auto& letters = cluster.zrun.at("c")->service->letters().letters().all();
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters.front().payload, "10");
  EXPECT_NE(letters.front().reason.find("its bound of stored bytes is reached"), std::string::npos)
      << letters.front().reason;
  EXPECT_TRUE(letters.front().stored) << "the letter itself is small";
}

}  // namespace
}  // namespace zrun
