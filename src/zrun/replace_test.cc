// SPDX-License-Identifier: Apache-2.0
// A newer version of a space takes the place of the one that runs (PlaceCommand.replaces), between
// real zruns on virtual time.
#include <gtest/gtest.h>

#include <set>

#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

// source on a -> relay on a -> sink on b.
struct Line : FakeCluster {
  std::vector<simkit::SinkEntry> log;
  int taken = 0, last;
  std::string source_path = "up";

  explicit Line(int numbers, model::Delivery delivery = model::Delivery::at_least_once,
                std::uint32_t pause_ms = 2, std::uint32_t busy_ms = 1,
                bool sink_is_transactional = false)
      : FakeCluster(7, {"a", "b"}), last(numbers) {
    auto& topology = disk.topology;
    topology.name = "line";
    topology.owner = "test";
    for (const char* name : {"source", "relay", "sink"}) {
      auto& space = topology.spaces.emplace_back();
      space.name = space.entry = name;
      space.limits.mailbox_messages = 64;
    }
    topology.paths = {{"down", "relay", "sink", delivery}, {"up", "source", "relay", delivery}};
    if (sink_is_transactional) {
      auto& aside = topology.spaces.emplace_back();
      aside.name = aside.entry = "aside";
      topology.paths.push_back({"home", "aside", "sink", model::Delivery::once});
      for (const std::size_t end : {2, 3}) topology.spaces[end].store = model::StoreKind::local;
    }
    model::normalize(topology);
    guests = [this, pause_ms,
              busy_ms](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
      if (role == "source")
        return std::make_unique<simkit::SourceGuest>(source_path, last, pause_ms, taken);
      if (role == "aside") return std::make_unique<simkit::RelayGuest>("home");
      if (role == "relay") return std::make_unique<simkit::RelayGuest>("down");
      return std::make_unique<simkit::SinkGuest>(log, busy_ms);
    };
    start_zrun("a");
    start_zrun("b");
    EXPECT_EQ(place("source", "a", 1), "accepted");
    EXPECT_EQ(place("relay", "a", 1), "accepted");
    EXPECT_EQ(place("sink", "b", 1), "accepted");
    tell_directory();
  }
  bool arrived(int number) {
    return std::any_of(log.begin(), log.end(),
                       [&](const simkit::SinkEntry& entry) { return entry.number == number; });
  }
  void expect_each_unmarked_once(int count) {
    std::set<int> all, unmarked;
    for (const auto& entry : log) {
      all.insert(entry.number);
      if (!entry.marked) {
        EXPECT_TRUE(unmarked.insert(entry.number).second) << entry.number;
      }
    }
    EXPECT_EQ(all.size(), static_cast<std::size_t>(count));
  }
};

TEST(ReplaceTest, S7NothingIsLostAndNothingComesTwiceUnmarkedWhileEachSpaceIsReplaced) {
  Line line(600);
  for (const char* space : {"relay", "sink", "source", "relay", "sink", "source"}) {
    line.world.run_for(150ms);
    line.replace(space);
  }
  ASSERT_TRUE(line.world.run_until_true([&] { return line.arrived(600); }, 60s)) << line.log.size();
  line.world.run_for(2s);
  line.expect_each_unmarked_once(600);
  EXPECT_EQ(line.zrun["a"]->service->letters().letters().all().size(), 0u);
  EXPECT_EQ(line.zrun["b"]->service->letters().letters().all().size(), 0u);
}

// relay on a -> sink on b, whose mailbox holds what the relay sent when its zrun dies.
struct DeadSender : Line {
  std::size_t received = 0;
  explicit DeadSender(bool sink_is_transactional = false)
      : Line(40, model::Delivery::at_least_once, 1, 100, sink_is_transactional) {
    EXPECT_TRUE(world.run_until_true(
        [&] { return zrun["b"]->service->spaces().space("", "sink")->mailbox_size() > 30; }, 10s));
    received = zrun["b"]->service->spaces().space("", "sink")->counts().accepted;
    zrun["a"]->service.reset();
    zrun.erase("a");
  }
  // The relay begins anew and has nothing to send: its source is not there.
  void bring_back(std::uint64_t epoch, std::uint32_t run) {
    start_zrun("a");
    EXPECT_EQ(place("relay", "a", epoch, run), "accepted");
    tell_directory();
  }
  std::size_t seen() const {
    std::set<int> numbers;
    for (const auto& entry : log) numbers.insert(entry.number);
    return numbers.size();
  }
  std::size_t letters() { return zrun["b"]->service->letters().letters().all().size(); }
};

TEST(ReplaceTest, S7WhatADeadSenderHadSentGoesToTheNextInstanceOfItsReceiver) {
  for (const bool transactional : {false, true})
    for (const auto& [epoch, run] : {std::pair{0, 0}, {1, 2}, {2, 1}}) {
      // A transactional receiver goes on behind what it committed and has the rest sent again; see
      // the next test.
      if (transactional && epoch == 0) continue;
      DeadSender line(transactional);
      if (epoch > 0)
        line.bring_back(static_cast<std::uint64_t>(epoch), static_cast<std::uint32_t>(run));
      line.world.run_for(1s);
      line.replace("sink");
      EXPECT_TRUE(line.world.run_until_true([&] { return line.seen() >= line.received; }, 60s))
          << line.seen() << " of " << line.received << ", the sender is now of epoch " << epoch
          << (transactional ? ", the receiver is transactional" : "");
      EXPECT_EQ(line.letters(), 0u);
      EXPECT_LE(line.log.size(), line.seen() + 1) << "only what was in hand comes again";
    }
}

TEST(ReplaceTest, WhatASenderHadSentThatCannotBeReachedIsALetterWhenItsReceiverLeaves) {
  for (const bool transactional : {false, true})
    for (const bool replaced : {false, true}) {
      if (replaced && !transactional) continue;  // its mailbox goes on
      DeadSender line(transactional);
      line.world.run_for(50ms);  // the end of the link is noticed
      if (replaced) {
        line.replace("sink");
      } else {
        EXPECT_EQ(line.zrun["b"]->service->stop(line.stop_command("sink", 1)).outcome(),
                  "accepted");
        EXPECT_TRUE(line.world.run_until_true(
            [&] { return line.zrun["b"]->service->spaces().space("", "sink") == nullptr; }, 10s));
      }
      EXPECT_GE(line.seen() + line.letters(), line.received) << transactional << replaced;
      ASSERT_GT(line.letters(), 0u);
      const auto& letter = line.zrun["b"]->service->letters().letters().all().front();
      EXPECT_NE(letter.reason.find("could not be reached"), std::string::npos) << letter.reason;
    }
}

TEST(ReplaceTest, WhatASenderHasThatIsLinkedIsNoLetterWhenItsReceiverLeaves) {
  Line line(40, model::Delivery::at_least_once, 1, 100);
  EXPECT_TRUE(line.world.run_until_true(
      [&] { return line.zrun["b"]->service->spaces().space("", "sink")->mailbox_size() > 30; },
      10s));
  EXPECT_EQ(line.zrun["b"]->service->stop(line.stop_command("sink", 1)).outcome(), "accepted");
  EXPECT_TRUE(line.world.run_until_true(
      [&] { return line.zrun["b"]->service->spaces().space("", "sink") == nullptr; }, 10s));
  EXPECT_EQ(line.zrun["b"]->service->letters().letters().all().size(), 0u);
  EXPECT_EQ(line.place("sink", "b", 2), "accepted");
  line.tell_directory();
  EXPECT_TRUE(line.world.run_until_true([&] { return line.arrived(40); }, 60s));
}

TEST(ReplaceTest, WhatAFormerGenerationOfTheSenderHadSentIsALetterWhenItsReceiverLeaves) {
  DeadSender line;
  line.bring_back(1, 2);  // it says so to its receivers, though it has nothing to send
  line.world.run_for(1s);
  EXPECT_EQ(line.zrun["b"]->service->stop(line.stop_command("sink", 1)).outcome(), "accepted");
  EXPECT_TRUE(line.world.run_until_true(
      [&] { return line.zrun["b"]->service->spaces().space("", "sink") == nullptr; }, 10s));
  EXPECT_GE(line.seen() + line.letters(), line.received);
}

TEST(ReplaceTest, S8AtMostOnceNothingComesTwiceAndWhatWasNotBegunIsHandedOn) {
  // The sink needs 20 ms for each, so its mailbox is full of what nobody keeps.
  Line line(40, model::Delivery::at_most_once, 1, 20);
  ASSERT_TRUE(line.world.run_until_true([&] { return line.taken == 40; }, 10s));
  line.world.run_for(50ms);
  line.replace("sink");
  line.world.run_for(5s);
  std::set<int> seen;
  for (const auto& entry : line.log) EXPECT_TRUE(seen.insert(entry.number).second) << entry.number;
  EXPECT_GE(seen.size(), 39u) << "at most the one that it had in hand may be lost";
}

TEST(ReplaceTest, AnInstanceOfAnotherEpochThanTheOneReplacedEndsAtOnce) {
  Line line(10);
  line.world.run_for(500ms);
  EXPECT_EQ(line.place("relay", "a", 5, 1, false, 4), "accepted");
  EXPECT_EQ(line.zrun["a"]->service->spaces().space("", "relay")->id().epoch.value, 5u);
}

TEST(ReplaceTest, ASpaceAndAPathThatANewVersionBringsWorkWhileOthersAreOfTheFormerOne) {
  Line line(20);
  ASSERT_TRUE(line.world.run_until_true([&] { return line.arrived(20); }, 20s));
  line.next_version([](model::Topology& next) {
    next.spaces.push_back(next.spaces[0]);
    next.spaces.back().name = next.spaces.back().entry = "aside";  // the first by name
    next.paths.push_back({"across", "source", "aside"});
    next.paths.push_back({"home", "aside", "sink"});
  });
  EXPECT_EQ(line.disk.topology.spaces.back().name, "aside");
  line.source_path = "across";
  line.last = 40;
  EXPECT_EQ(line.place("aside", "a", 1), "accepted");
  line.tell_directory();
  line.replace("source");
  line.world.run_for(1s);
  EXPECT_FALSE(line.arrived(21)) << "the sink is of the version that has no such path";
  EXPECT_TRUE(line.runs("relay", 1)) << "what did not change goes on";
  line.replace("sink");
  EXPECT_TRUE(line.world.run_until_true([&] { return line.arrived(40); }, 20s));
}

TEST(ReplaceTest, WhatWasOnAPathThatIsRemovedIsADeadLetter) {
  Line line(50);
  line.zrun["b"]->service->stop(line.stop_command("sink", 1));
  ASSERT_TRUE(line.world.run_until_true([&] { return line.taken == 50; }, 10s));
  line.next_version([](model::Topology& next) { next.paths.erase(next.paths.begin()); });
  line.replace("relay");
  const auto& letters = line.zrun["a"]->service->letters().letters();
  ASSERT_GT(letters.all().size(), 20u);
  EXPECT_EQ(letters.all().front().path, "down");
  EXPECT_NE(letters.all().front().reason.find("an update removed its path"), std::string::npos);
}

TEST(ReplaceTest, AVersionThatDoesNotContinueTheOneHereIsRefusedAndNothingEnds) {
  Line line(10);
  line.world.run_for(200ms);
  line.disk.topology.version = 2;
  std::swap(line.disk.topology.spaces[0], line.disk.topology.spaces[1]);
  EXPECT_EQ(line.place("relay", "a", 2, 1, false, 1), "refused");
  EXPECT_TRUE(line.runs("relay", 1));
  line.disk.topology.paths[0].to = "nobody";
  EXPECT_EQ(line.place("relay", "a", 2, 1, false, 1), "refused");
}

TEST(ReplaceTest, AStopOfTheNewerOneStopsBoth) {
  Line line(10);
  line.world.run_for(200ms);
  EXPECT_EQ(line.place("relay", "a", 2, 1, false, 1), "accepted");
  EXPECT_EQ(line.zrun["a"]->service->stop(line.stop_command("relay", 2)).outcome(), "accepted");
  EXPECT_TRUE(line.world.run_until_true(
      [&] { return line.zrun["a"]->service->spaces().space("", "relay") == nullptr; }, 10s));
  line.world.run_for(5s);
  EXPECT_EQ(line.zrun["a"]->service->spaces().space("", "relay"), nullptr);
}

TEST(ReplaceTest, AVersionThatComesWhileTheFormerOneClosesTakesTheTurnOfTheOneThatWaits) {
  Line line(200);
  line.world.run_for(100ms);
  EXPECT_EQ(line.place("relay", "a", 2, 1, false, 1), "accepted");
  EXPECT_EQ(line.place("relay", "a", 3, 1, false, 2), "accepted");
  line.tell_directory();
  ASSERT_TRUE(line.world.run_until_true([&] { return line.arrived(200); }, 60s));
  EXPECT_TRUE(line.runs("relay", 3));
  line.expect_each_unmarked_once(200);
  EXPECT_TRUE(line.zrun["a"]->service->letters().letters().all().empty());
}

TEST(ReplaceTest, ACommandThatReplacesNothingEndsTheOneThatRunsAndTheOneThatWaits) {
  Line line(10);
  line.world.run_for(100ms);
  EXPECT_EQ(line.place("relay", "a", 2, 1, false, 1), "accepted");
  EXPECT_EQ(line.place("relay", "a", 7), "accepted");
  line.world.run_for(3s);
  EXPECT_TRUE(line.runs("relay", 7));
}

TEST(ReplaceTest, AnInstanceThatWaitsIsOfItsVersionWhileItsTopologyGoesOnToAnother) {
  Line line(10);
  line.world.run_for(100ms);
  line.disk.topology.version = 2;
  EXPECT_EQ(line.place("relay", "a", 2, 1, false, 1), "accepted");
  line.next_version(
      [](model::Topology& next) { next.paths.push_back({"aside", "relay", "source"}); });
  EXPECT_EQ(line.place("source", "a", 2, 1, false, 1), "accepted");
  line.world.run_for(3s);
  EXPECT_TRUE(line.runs("relay", 2));
  EXPECT_EQ(line.zrun["a"]->service->spaces().space("", "relay")->version(), 2u);
  EXPECT_EQ(line.zrun["a"]->service->spaces().space("", "source")->version(), 3u);
}

}  // namespace
}  // namespace zrun
