// SPDX-License-Identifier: Apache-2.0
// Messages that their receiver cannot handle: delivered a bounded number of times, then kept as
// dead letters; the rest goes on in order, and nothing that was accepted vanishes.
#include "zrun/dead_letters.h"
#include "zrun/space_view.h"

#include <gtest/gtest.h>

#include "guest_abi/table.h"
#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

TEST(DeadLettersTest, AtItsBoundTheOldestLetterGoesIsCountedAndIsNotOneThatIsBeingRetried) {
  ports::Metrics metrics;
  DeadLetters letters(metrics);
  std::vector<std::uint64_t> dropped;
  letters.on_dropped = [&](const DeadLetter& letter) { dropped.push_back(letter.id); };
  const auto add = [&](std::uint64_t id, std::size_t bytes) {
    DeadLetter letter;
    letter.id = id;
    letter.payload.resize(bytes);
    letters.add(std::move(letter));
  };
  for (std::uint64_t id = 1; id <= DeadLetters::letters_max; ++id) add(id, 1);
  letters.set_retrying(1, true);
  add(5000, 1);
  EXPECT_EQ(dropped, (std::vector<std::uint64_t>{2}));
  EXPECT_NE(letters.find(1), nullptr);
  EXPECT_EQ(letters.find(2), nullptr);
  EXPECT_EQ(letters.all().size(), DeadLetters::letters_max);
  add(6000, DeadLetters::bytes_max);
  EXPECT_NE(letters.find(6000), nullptr) << "the newest one is kept, however large";
  EXPECT_LE(letters.all().size(), 2u);
  EXPECT_EQ(metrics.counter("samoza_zrun_dead_letters_dropped_total", "").value(), dropped.size());
  EXPECT_EQ(letters.total(), DeadLetters::letters_max + 2);
}

TEST(DeadLettersTest, LettersOfAStoppedTopologyPushOutTheirOwnAndNotThoseOfOthers) {
  ports::Metrics metrics;
  DeadLetters letters(metrics);
  const auto add = [&](std::uint64_t id, const char* topology) {
    DeadLetter letter;
    letter.id = id;
    letter.topology = topology;
    letters.add(std::move(letter));
  };
  for (std::uint64_t id = 1; id <= 10; ++id) add(id, "quiet");
  for (std::uint64_t id = 100; id < 100 + 3 * DeadLetters::letters_max; ++id) add(id, "stopped");
  for (std::uint64_t id = 1; id <= 10; ++id) EXPECT_NE(letters.find(id), nullptr) << id;
  EXPECT_EQ(letters.find(100), nullptr);
  EXPECT_NE(letters.find(99 + 3 * DeadLetters::letters_max), nullptr);
  EXPECT_EQ(letters.all().size(), DeadLetters::letters_max);
}

// Sends "1" to "last", each once.
class Feeder final : public simkit::StubGuest {
 public:
  explicit Feeder(int last) : last_(last) {}
  std::optional<simkit::GuestCall> next(std::int32_t) override {
    // Each in a turn of its own.
    if (std::exchange(sends_, false)) return std::nullopt;
    if (sent_ >= last_) return sleep(3'600'000);
    sends_ = true;
    return emit("in", std::to_string(++sent_));
  }

 private:
  int last_, sent_ = 0;
  bool sends_ = false;
};

struct Handled {
  std::vector<std::string> texts;
  std::vector<bool> marked;
  std::string poison;          // the text that makes it trap
  std::size_t capacity = 100;  // of its buffer
  bool returns = false;        // once it has taken a message it returns, as published guests do
  bool asks_for_size = false;  // first with no buffer, then with one that is large enough
};

// Takes messages for ever; traps on the poison.
class Picky final : public simkit::StubGuest {
 public:
  explicit Picky(Handled& handled) : handled_(handled) {}
  std::optional<simkit::GuestCall> next(std::int32_t result) override {
    if (waiting_) {
      waiting_ = false;
      if (result >= 0) {
        const auto message = received(result);
        if (message.text == handled_.poison) return simkit::GuestCall{"no.such_function", {}};
        handled_.texts.push_back(message.text);
        handled_.marked.push_back(message.redelivered);
      }
      asked_ = handled_.asks_for_size && result == guest_abi::e_too_small;
      if (!asked_ && (handled_.returns || result < 0)) return std::nullopt;
    }
    waiting_ = true;
    auto call = receive();
    call.args[1] = handled_.asks_for_size && !asked_ ? 0 : handled_.capacity;
    return call;
  }

 private:
  Handled& handled_;
  bool waiting_ = false, asked_ = false;
};

struct Poisoned : FakeCluster {
  Handled handled;

  explicit Poisoned(model::Delivery delivery, int last = 5, bool has_store = false)
      : FakeCluster(11, {"a", "b"}) {
    auto& topology = disk.topology;
    topology.name = "poison";
    topology.owner = "test";
    for (const char* name : {"feeder", "picky"}) {
      auto& space = topology.spaces.emplace_back();
      space.name = space.entry = name;
      space.type = has_store ? model::SpaceType::data : model::SpaceType::call;
      if (has_store) space.store = model::StoreKind::local;
    }
    topology.paths = {{"in", "feeder", "picky", delivery}};
    topology.paths[0].max_deliveries = 3;
    model::normalize(topology);
    guests = [this, last](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
      if (role == "feeder") return std::make_unique<Feeder>(last);
      return std::make_unique<Picky>(handled);
    };
  }
  void run_on(const std::string& feeder, const std::string& picky) {
    for (const auto& zhost : {feeder, picky})
      if (!zrun.contains(zhost)) start_zrun(zhost);
    EXPECT_EQ(place("picky", picky, 1), "accepted");
    EXPECT_EQ(place("feeder", feeder, 1), "accepted");
    tell_directory();
  }
  Service& at(const std::string& zhost) { return *zrun.at(zhost)->service; }
  bool wait_for(const std::function<bool()>& what) { return world.run_until_true(what, 120s); }
  bool all_but_poison() {
    return wait_for([&] { return handled.texts.size() >= 4; });
  }
};

const std::vector<std::string> rest{"1", "3", "4", "5"};

TEST(DeadLetterTest, APoisonMessageIsDeliveredThreeTimesThenKeptAndTheRestGoesOnInOrder) {
  for (const auto& [feeder, picky] : {std::pair{"a", "a"}, {"a", "b"}}) {
    Poisoned cluster(model::Delivery::at_least_once);
    cluster.handled.poison = "2";
    cluster.run_on(feeder, picky);
    ASSERT_TRUE(cluster.all_but_poison());
    EXPECT_EQ(cluster.handled.texts, rest);
    const auto& letters = cluster.at(picky).letters().letters().all();
    ASSERT_EQ(letters.size(), 1u);
    const auto& letter = letters.front();
    EXPECT_EQ(letter.payload, "2");
    EXPECT_EQ(letter.path, "in");
    EXPECT_EQ(letter.from, "feeder");
    EXPECT_EQ(letter.to, "picky");
    EXPECT_EQ(letter.deliveries, 3u);
    EXPECT_NE(letter.reason.find("3 deliveries failed, the last one: trap"), std::string::npos)
        << letter.reason;
    const auto* space = cluster.at(picky).spaces().space("", "picky");
    EXPECT_EQ(space->state(), SpaceState::running) << "a message is no failure of its receiver";
    EXPECT_EQ(space->restarts(), 3u);
    // Its sender does not keep it any more: the stream is empty.
    EXPECT_TRUE(cluster.wait_for([&] {
      return cluster.at(feeder)
                 .spaces()
                 .space("", "feeder")
                 ->topology()
                 .paths[0]
                 ->out.unfinished() == 0;
    }));
  }
}

TEST(DeadLetterTest, ManyPoisonMessagesNeverMakeTheSpaceFail) {
  Poisoned cluster(model::Delivery::at_least_once, 8);
  cluster.disk.topology.paths[0].max_deliveries = 1;
  cluster.handled.capacity = 0;  // every message is too large for it, again and again
  cluster.handled.returns = true;
  cluster.run_on("a", "a");
  ASSERT_TRUE(
      cluster.wait_for([&] { return cluster.at("a").letters().letters().all().size() == 8; }));
  EXPECT_EQ(cluster.at("a").spaces().space("", "picky")->state(), SpaceState::running);
}

TEST(DeadLetterTest, AMessageLargerThanTheGuestsBufferIsKeptAfterItsDeliveriesAndSaysBothSizes) {
  Poisoned cluster(model::Delivery::at_least_once, 3);
  cluster.handled.capacity = 0;
  cluster.handled.returns = true;
  cluster.run_on("a", "b");
  ASSERT_TRUE(
      cluster.wait_for([&] { return cluster.at("b").letters().letters().all().size() == 3; }));
  const auto& letter = cluster.at("b").letters().letters().all().front();
  EXPECT_NE(letter.reason.find("the message has 1 bytes, the guest's buffer 0"), std::string::npos)
      << letter.reason;
  EXPECT_EQ(letter.deliveries, 3u);
  const auto& lines = texts_of(cluster.at("b").spaces().space("", "picky")->log());
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const auto& line) { return line.find("buffer") != line.npos; }),
            3)
      << "once for each message";
}

TEST(DeadLetterTest, AskingForTheSizeFirstIsNoFailedDelivery) {
  Poisoned cluster(model::Delivery::at_least_once, 5);
  cluster.disk.topology.paths[0].max_deliveries = 1;
  cluster.handled.asks_for_size = true;
  cluster.run_on("a", "a");
  ASSERT_TRUE(cluster.wait_for([&] { return cluster.handled.texts.size() == 5; }));
  EXPECT_TRUE(cluster.at("a").letters().letters().all().empty());
}

TEST(DeadLetterTest, S8AtMostOnceAPoisonMessageIsKeptAfterOneDelivery) {
  Poisoned cluster(model::Delivery::at_most_once);
  cluster.handled.poison = "2";
  cluster.run_on("a", "a");
  ASSERT_TRUE(cluster.all_but_poison());
  EXPECT_EQ(cluster.handled.texts, rest);
  ASSERT_EQ(cluster.at("a").letters().letters().all().size(), 1u);
  EXPECT_EQ(cluster.at("a").letters().letters().all().front().deliveries, 1u);
}

TEST(DeadLetterTest, ARetriedLetterIsDeliveredMarkedAndLeavesTheListWhenItWasHandled) {
  Poisoned cluster(model::Delivery::at_least_once);
  cluster.handled.poison = "2";
  cluster.run_on("a", "b");
  ASSERT_TRUE(cluster.all_but_poison());
  auto& service = cluster.at("b");
  const auto id = service.letters().letters().all().front().id;
  ASSERT_TRUE(service.letters().retry(id));
  EXPECT_EQ(service.letters().retry(id).error().code, stdx::Code::already_exists);
  EXPECT_EQ(service.letters().drop(id).error().code, stdx::Code::conflict);
  // Poison still: it stays where it was, and can be tried again.
  ASSERT_TRUE(cluster.wait_for([&] { return !service.letters().letters().find(id)->retrying; }));
  EXPECT_EQ(service.letters().letters().all().size(), 1u);
  cluster.handled.poison.clear();
  ASSERT_TRUE(service.letters().retry(id));
  ASSERT_TRUE(cluster.wait_for([&] { return cluster.handled.texts.size() == 5; }));
  EXPECT_EQ(cluster.handled.texts.back(), "2");
  EXPECT_TRUE(cluster.handled.marked.back()) << "part of it may have been done before";
  EXPECT_TRUE(cluster.wait_for([&] { return service.letters().letters().all().empty(); }));
}

TEST(DeadLetterTest, ADroppedLetterIsGoneAndAnUnknownOneIsSaid) {
  Poisoned cluster(model::Delivery::at_least_once);
  cluster.handled.poison = "2";
  cluster.run_on("a", "a");
  ASSERT_TRUE(cluster.all_but_poison());
  auto& service = cluster.at("a");
  const auto id = service.letters().letters().all().front().id;
  EXPECT_TRUE(service.letters().drop(id));
  EXPECT_EQ(service.letters().drop(id).error().code, stdx::Code::not_found);
  EXPECT_EQ(service.letters().retry(id).error().code, stdx::Code::not_found);
}

TEST(DeadLetterTest, OnceALetterIsInTheStoreWithItsCursorAndSurvivesZrun) {
  for (const auto& [feeder, picky] : {std::pair{"a", "a"}, {"a", "b"}}) {
    Poisoned cluster(model::Delivery::once, 5, /*has_store=*/true);
    cluster.handled.poison = "2";
    cluster.run_on(feeder, picky);
    ASSERT_TRUE(cluster.all_but_poison());
    EXPECT_EQ(cluster.handled.texts, rest);
    EXPECT_TRUE(cluster.at(picky).letters().letters().all().front().stored);
    const auto id = cluster.at(picky).letters().letters().all().front().id;
    // A new process of zrun: the letter is read with the store, and nothing comes a second time.
    for (const std::string zhost : {picky}) {
      cluster.zrun.at(zhost)->service.reset();
      cluster.zrun.erase(zhost);
      cluster.start_zrun(zhost);
    }
    EXPECT_EQ(cluster.place("picky", picky, 1, 2, true), "accepted");
    if (std::string(feeder) == picky) {
      EXPECT_EQ(cluster.place("feeder", feeder, 1, 2, true), "accepted");
    }
    cluster.tell_directory();
    auto& service = cluster.at(picky);
    ASSERT_TRUE(cluster.wait_for([&] { return service.letters().letters().find(id) != nullptr; }));
    EXPECT_EQ(service.letters().letters().find(id)->payload, "2");
    EXPECT_EQ(service.letters().letters().find(id)->from, "feeder");
    cluster.handled.poison.clear();
    ASSERT_TRUE(cluster.wait_for([&] { return service.letters().retry(id).has_value(); }));
    ASSERT_TRUE(cluster.wait_for([&] { return service.letters().letters().all().empty(); }));
    EXPECT_EQ(std::count(cluster.handled.texts.begin(), cluster.handled.texts.end(), "2"), 1);
    // It left the store in the transaction that handled it.
    for (const auto& [key, shelf] : cluster.stored.at(picky))
      for (const auto& [name, value] : shelf->records) EXPECT_FALSE(name.starts_with("dead/"));
  }
}

// It does not come back: what is behind it may be committed meanwhile, and covers it.
TEST(DeadLetterTest, S7AStoreWithoutRoomForALetterTakesTheCursorAndTheLetterIsKeptInMemory) {
  for (const auto idle : {model::Idle::back_off, model::Idle::wait}) {
    Poisoned cluster(model::Delivery::once, 5, /*has_store=*/true);
    cluster.handled.poison = "2";
    cluster.disk.topology.spaces[1].idle = idle;
    cluster.disk.topology.spaces[1].limits.data_bytes = 100;
    cluster.run_on("a", "b");
    ASSERT_TRUE(cluster.all_but_poison());
    EXPECT_EQ(cluster.handled.texts, rest);
    ASSERT_TRUE(
        cluster.wait_for([&] { return cluster.at("b").letters().letters().all().size() == 1; }));
    const auto& letter = cluster.at("b").letters().letters().all().front();
    EXPECT_EQ(letter.payload, "2");
    EXPECT_FALSE(letter.stored);
    EXPECT_NE(letter.reason.find("the store did not take it: its bound of stored bytes"),
              std::string::npos)
        << letter.reason;
    EXPECT_EQ(cluster.zrun.at("b")
                  ->runtime.metrics.counter("samoza_zrun_dead_letters_not_stored_total", "")
                  .value(),
              1u);
    EXPECT_TRUE(cluster.wait_for([&] {
      return cluster.at("a").spaces().space("", "feeder")->topology().paths[0]->out.unfinished() ==
             0;
    })) << "its sender keeps it no more";
  }
}

TEST(DeadLetterTest, ADroppedStoredLetterLeavesTheStore) {
  Poisoned cluster(model::Delivery::once, 5, /*has_store=*/true);
  cluster.handled.poison = "2";
  cluster.run_on("a", "a");
  ASSERT_TRUE(cluster.all_but_poison());
  auto& service = cluster.at("a");
  const auto in_store = [&] {
    for (const auto& [key, shelf] : cluster.stored.at("a"))
      for (const auto& [name, value] : shelf->records)
        if (name.starts_with("dead/")) return true;
    return false;
  };
  EXPECT_TRUE(in_store());
  ASSERT_TRUE(service.letters().drop(service.letters().letters().all().front().id));
  EXPECT_TRUE(cluster.wait_for([&] { return !in_store(); }));
}

// Sends itself "1" to "5" along a path of its own and handles none.
class Loop final : public simkit::StubGuest {
 public:
  std::optional<simkit::GuestCall> next(std::int32_t) override {
    if (sent_ >= 5) return sleep(3'600'000);
    return emit("loop", std::to_string(++sent_));
  }

 private:
  int sent_ = 0;
};

TEST(DeadLetterTest, WhatASpaceSentItselfIsKeptWhenItIsMovedBeforeItHandledIt) {
  for (const auto delivery : {model::Delivery::at_least_once, model::Delivery::at_most_once}) {
    FakeCluster cluster(12, {"a"});
    auto& topology = cluster.disk.topology;
    topology.name = "loop";
    topology.owner = "test";
    auto& space = topology.spaces.emplace_back();
    space.name = space.entry = "looper";
    space.type = model::SpaceType::call;
    topology.paths = {{"loop", "looper", "looper", delivery}};
    model::normalize(topology);
    cluster.guests = [](const std::string&) { return std::make_unique<Loop>(); };
    cluster.start_zrun("a");
    EXPECT_EQ(cluster.place("looper", "a", 1), "accepted");
    cluster.tell_directory();
    ASSERT_TRUE(cluster.world.run_until_true(
        [&] {
          return cluster.zrun["a"]->service->spaces().space("", "looper")->mailbox_size() == 5;
        },
        60s));
    EXPECT_EQ(cluster.zrun["a"]->service->stop(cluster.stop_command("looper", 1)).outcome(),
              "accepted");
    auto& letters = cluster.zrun["a"]->service->letters().letters();
    ASSERT_TRUE(cluster.world.run_until_true([&] { return letters.all().size() == 5; }, 60s));
    int expected = 1;
    for (const auto& letter : letters.all()) EXPECT_EQ(letter.payload, std::to_string(expected++));
  }
}

// Never takes a message.
class Sleeper final : public simkit::StubGuest {
 public:
  std::optional<simkit::GuestCall> next(std::int32_t) override { return sleep(3'600'000); }
};

// Whichever goes first, and wherever they are: what was accepted and not handled is kept, once.
TEST(DeadLetterTest, WhatWasNotHandledWhenTheTopologyWasStoppedIsKeptAsLetters) {
  for (const auto& [feeder, picky] : {std::pair{"a", "b"}, {"a", "a"}})
    for (const bool sender_first : {true, false}) {
      Poisoned f(model::Delivery::at_least_once, 5);
      f.guests = [](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
        if (role == "feeder") return std::make_unique<Feeder>(5);
        return std::make_unique<Sleeper>();
      };
      f.run_on(feeder, picky);
      ASSERT_TRUE(
          f.wait_for([&] { return f.at(picky).spaces().space("", "picky")->mailbox_size() == 5; }));
      f.world.run_for(1s);  // the sender hears that they were received
      const auto stop = [&](const std::string& space, const std::string& zhost) {
        auto command = f.stop_command(space, 1);
        command.set_topology_ends(true);
        EXPECT_EQ(f.at(zhost).stop(command).outcome(), "accepted");
        EXPECT_TRUE(f.wait_for([&] { return f.at(zhost).spaces().space("", space) == nullptr; }));
      };
      if (sender_first) stop("feeder", feeder);
      stop("picky", picky);
      if (!sender_first) stop("feeder", feeder);
      std::multiset<std::string> kept;
      for (const auto& zhost : std::set<std::string>{feeder, picky})
        for (const auto& letter : f.at(zhost).letters().letters().all())
          kept.insert(letter.payload);
      EXPECT_EQ(kept, (std::multiset<std::string>{"1", "2", "3", "4", "5"}))
          << feeder << picky << sender_first;
    }
}

// It goes on elsewhere: what its receiver has is handled there.
TEST(DeadLetterTest, WhatItsReceiverHasIsNoLetterOfASenderThatIsMoved) {
  Poisoned f(model::Delivery::at_least_once, 5);
  f.guests = [](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
    if (role == "feeder") return std::make_unique<Feeder>(5);
    return std::make_unique<Sleeper>();
  };
  f.run_on("a", "b");
  ASSERT_TRUE(
      f.wait_for([&] { return f.at("b").spaces().space("", "picky")->mailbox_size() == 5; }));
  f.world.run_for(1s);
  EXPECT_EQ(f.at("a").stop(f.stop_command("feeder", 1)).outcome(), "accepted");
  EXPECT_TRUE(f.wait_for([&] { return f.at("a").spaces().space("", "feeder") == nullptr; }));
  EXPECT_TRUE(f.at("a").letters().letters().all().empty());
  EXPECT_EQ(f.at("b").spaces().space("", "picky")->mailbox_size(), 5u);
}

}  // namespace
}  // namespace zrun
