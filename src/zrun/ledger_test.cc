// SPDX-License-Identifier: Apache-2.0
// The durable side of a transactional space, and two of them with their ends of a path.
#include "zrun/ledger.h"

#include <gtest/gtest.h>

#include "simkit/stub_engine.h"
#include "stdx/prng.h"
#include "zrun/ledger_records.h"

namespace zrun {
namespace {

// A sender and a receiver, each with a ledger on its disk; messages are handed over by the test,
// and either may die at any step.
struct Pair {
  simkit::World world;
  simkit::Process process{world, "z", "zrun"};
  ports::Runtime runtime = process.runtime();
  simkit::MemoryDataStore::Disk disk;
  simkit::MemoryDataStore store{process, disk};
  MessagePool pool;
  model::Topology spec;
  struct End {
    std::unique_ptr<LocalTopology> topology;
    std::unique_ptr<Ledger> ledger;
    std::uint32_t run = 0;
    PathState& path() { return *topology->paths[0]; }
  };
  End sender, receiver;
  std::vector<MessagePtr> mailbox;
  bool receiver_busy = false;

  explicit Pair(std::uint64_t seed) : world(seed) {
    for (const char* name : {"from", "to"}) {
      auto& space = spec.spaces.emplace_back();
      space.name = name;
      space.store = model::StoreKind::local;
      space.limits.mailbox_messages = 8;
    }
    spec.paths = {{"p", "from", "to", model::Delivery::once}};
    start(sender, 0);
    start(receiver, 1);
  }
  void start(End& end, std::uint16_t space) {
    if (&end == &receiver) {
      mailbox.clear();
      receiver_busy = false;
    }
    end.ledger.reset();
    end.topology = *std::move(
        LocalTopology::make(model::TopologyId("00000000-0000-4000-8000-000000000001"), spec));
    const model::InstanceId id{
        {end.topology->id, spec.spaces[space].name}, model::Epoch(1), model::Run(++end.run)};
    end.ledger = std::make_unique<Ledger>(
        runtime, pool, *end.topology, *end.topology->text, id, space,
        [](PathState& path, MessagePtr message) { path.out.push(std::move(message)); });
    bool loaded = false;
    store.open(id, ports::DataStore::Expect::nothing, 0, [&](auto data) {
      end.ledger->load(*data, [&](stdx::Status status) { loaded = status.has_value(); });
    });
    EXPECT_TRUE(world.run_until_true([&] { return loaded; }, std::chrono::seconds(1)));
    receiver_opens();
  }
  void receiver_opens() {
    if (!sender.ledger || !receiver.ledger) return;
    const auto& out = sender.path().out;
    receiver.path().in.open({1, sender.run}, out.first_unfinished(), out.stream());
  }
  void send(int number) {
    Turn turn;
    turn.emit(0, pool.make(std::to_string(number)));
    ASSERT_TRUE(turn.write({{"sent", std::to_string(number)}}));
    sender.ledger->commit(std::move(turn), {}, {});
  }
  int sent() {
    const auto at = disk.find({sender.topology->id, "from"});
    return at == disk.end() || at->second->values.empty() ? 0
                                                          : std::stoi(at->second->values["sent"]);
  }
  int count() {
    const auto& values = disk[{receiver.topology->id, "to"}]->values;
    return values.contains("count") ? std::stoi(values.at("count")) : 0;
  }
  void hand_over() {
    auto& out = sender.path().out;
    auto& in = receiver.path().in;
    const auto message = out.next();
    if (!message) return;
    out.sent();
    if (in.judge({1, sender.run}, message->seq, false) == InWindow::Verdict::take) {
      in.took(message->seq);
      auto copy = pool.make(message->payload);
      copy->path = 0;
      copy->seq = message->seq;
      copy->sender_epoch = 1;
      copy->sender_run = sender.run;
      mailbox.push_back(copy);
    }
  }
  void acknowledge() {
    sender.path().out.received(receiver.path().in.received());
    sender.path().out.finished(receiver.path().in.finished());
  }
  void take_turn() {
    if (receiver_busy || mailbox.empty()) return;
    receiver_busy = true;
    const auto message = mailbox.front();
    mailbox.erase(mailbox.begin());
    Turn turn;
    const auto nth = std::to_string(count() + 1);
    ASSERT_TRUE(turn.write({{"count", nth}, {"took " + nth, message->payload}}));
    receiver.ledger->commit(std::move(turn), message, [this, message](stdx::Status, const Turn&) {
      receiver_busy = false;
      receiver.path().in.finish(message->seq);
    });
  }
};

TEST(LedgerTest, PropertyWhateverDiesEachNumberIsCommittedByTheReceiverOnce) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Pair pair(seed);
    stdx::Prng prng(seed);
    constexpr int last = 40;
    const auto& from = pair.disk[{pair.sender.topology->id, "from"}];
    const auto& to = pair.disk[{pair.sender.topology->id, "to"}];
    int asked = 0;
    for (int step = 0; pair.count() < last; ++step) {
      ASSERT_LT(step, 20'000) << "seed " << seed;
      if (asked == pair.sent() && asked < last &&
          !pair.sender.path().out.full(2, pair.sender.ledger->waiting(0)))
        pair.send(++asked);
      const auto before = pair.receiver.path().in.finished();
      if (prng.chance(1, 2)) pair.hand_over();
      if (prng.chance(1, 2)) pair.take_turn();
      if (prng.chance(1, 3)) pair.acknowledge();
      if (prng.chance(1, 20)) pair.sender.path().out.rewind();
      if (prng.chance(1, 20)) pair.sender.ledger->tidy();
      pair.world.run_for(std::chrono::microseconds(prng.below(700)));
      ASSERT_LE(from->records.size(), 2u + 16u) << "S18, seed " << seed;
      ASSERT_GE(pair.receiver.path().in.finished(), before);
      if (prng.chance(1, 60)) {
        pair.start(pair.sender, 0);
        asked = pair.sent();
      }
      if (prng.chance(1, 60)) {
        pair.start(pair.receiver, 1);
        pair.sender.path().out.restart();
      }
    }
    for (int i = 1; i <= last; ++i)
      ASSERT_EQ(to->values["took " + std::to_string(i)], std::to_string(i)) << "seed " << seed;
    const auto cursor = ledger::parse([&] {
      std::vector<ports::DataRecord> records;
      for (const auto& [key, value] : to->records) records.push_back({key, value});
      return records;
    }());
    EXPECT_EQ(cursor->cursors.at("p").seq, static_cast<std::uint64_t>(last)) << "seed " << seed;
  }
}

TEST(LedgerTest, WhatIsAskedForDuringATransactionGoesIntoTheNextOneTogether) {
  Pair pair(1);
  for (int i = 1; i <= 4; ++i) pair.send(i);
  pair.world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(pair.runtime.metrics.counter("samoza_zrun_turns_committed_total", "").value(), 2u);
  for (const char* text : {"1", "2", "3", "4"}) {
    ASSERT_TRUE(pair.sender.path().out.next());
    EXPECT_EQ(pair.sender.path().out.next()->payload, text);
    pair.sender.path().out.sent();
  }
}

// Refuses the first `refusals` commits.
struct BusyData final : ports::SpaceData {
  int refusals = 0, tries = 0;
  stdx::Code code = stdx::Code::full;
  void commit(ports::DataBatch, Done<std::size_t> done) override {
    if (++tries <= refusals)
      done(stdx::fail(code, "not now"));
    else
      done(0);
  }
  void records(Done<std::vector<ports::DataRecord>> done) override {
    done(std::vector<ports::DataRecord>());
  }
  void get(stdx::Bytes, Done<std::optional<stdx::Bytes>>) override {}
  void list(stdx::Bytes, stdx::Bytes, std::size_t, Done<std::vector<stdx::Bytes>>) override {}
};

TEST(LedgerTest, S18AStoreWithAFullQueueIsAskedAgainAndNotForEverOneWithoutRoomUntilItHasSome) {
  using stdx::Code;
  for (const auto& [code, refusals, committed] : {std::tuple{Code::full, 3, true},
                                                  {Code::full, 1000, false},
                                                  {Code::unavailable, 1000, true},
                                                  {Code::unknown, 1000, true}}) {
    Pair pair(1);
    auto data = std::make_shared<BusyData>();
    data->refusals = refusals;
    data->code = code;
    std::vector<bool> good;
    pair.sender.ledger->on_store = [&](const stdx::Status& status) {
      good.push_back(status.has_value());
    };
    pair.sender.ledger->load(data, [](stdx::Status) {});
    Turn turn;
    turn.emit(0, pair.pool.make("1"));
    std::optional<stdx::Status> outcome;
    pair.sender.ledger->commit(std::move(turn), {},
                               [&](stdx::Status status, const Turn&) { outcome = status; });
    pair.world.run_for(std::chrono::seconds(1100));
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->has_value(), committed);
    EXPECT_EQ(data->tries, committed ? refusals + 1 : Ledger::full_tries_max);
    EXPECT_EQ(good.size(), static_cast<std::size_t>(data->tries)) << "the space hears of each";
    EXPECT_EQ(good.back(), committed);
    EXPECT_EQ(pair.sender.path().out.last(), committed ? 1u : 0u);
  }
}

// Refuses each transaction with a key of `refused`; holds one back while it is `held`.
struct PickyData final : ports::SpaceData {
  std::vector<std::string> refused;
  bool held = false;
  std::function<void()> held_back;
  void commit(ports::DataBatch batch, Done<std::size_t> done) override {
    if (std::exchange(held, false)) {
      held_back = [this, batch, done] { commit(batch, done); };
      return;
    }
    std::vector<stdx::Bytes> keys;
    for (const auto& write : batch.writes) keys.push_back(write.key);
    for (const auto& record : batch.records) keys.push_back(record.key);
    for (const auto& key : keys)
      for (const auto& no : refused)
        if (key.starts_with(no)) return done(stdx::fail(stdx::Code::full, "no room"));
    done(0);
  }
  void records(Done<std::vector<ports::DataRecord>> done) override {
    done(std::vector<ports::DataRecord>());
  }
  void get(stdx::Bytes, Done<std::optional<stdx::Bytes>>) override {}
  void list(stdx::Bytes, stdx::Bytes, std::size_t, Done<std::vector<stdx::Bytes>>) override {}
};

struct LettersAtABound : Pair {
  std::shared_ptr<PickyData> data = std::make_shared<PickyData>();
  std::vector<std::string> said;

  LettersAtABound() : Pair(1) {
    receiver.ledger->load(data, [](stdx::Status) {});
  }
  void commit(Turn turn, const std::string& name) {
    receiver.ledger->commit(
        std::move(turn), {}, [this, name](stdx::Status status, const Turn& done) {
          const bool stored = !done.dead_letters().empty() && done.dead_letters().front().stored;
          said.push_back(name + (status ? stored ? " stored" : " done" : " failed"));
        });
  }
  static Turn writes(const std::string& key) {
    Turn turn;
    EXPECT_TRUE(turn.write({{key, "v"}}));
    return turn;
  }
  static Turn letter() {
    Turn turn;
    DeadLetter letter;
    letter.id = 7;
    letter.stored = true;
    turn.record_dead_letter(letter);
    return turn;
  }
};

TEST(LedgerTest, S7ATurnBehindALetterThatFindsNoRoomIsCommittedBehindIt) {
  LettersAtABound f;
  f.data->refused = {"dead/"};
  f.commit(f.letter(), "letter");
  f.commit(f.writes("x"), "turn");
  f.world.run_for(std::chrono::seconds(100));
  EXPECT_EQ(f.said, (std::vector<std::string>{"letter done", "turn done"}));
}

TEST(LedgerTest, S7ALetterIsStoredThoughTheTurnBesideItFoundNoRoom) {
  LettersAtABound f;
  f.data->refused = {"big"};
  f.data->held = true;
  f.commit(f.writes("first"), "first");
  // The next two share a transaction.
  f.commit(f.letter(), "letter");
  f.commit(f.writes("big"), "big");
  f.data->held_back();
  f.world.run_for(std::chrono::seconds(100));
  EXPECT_EQ(f.said, (std::vector<std::string>{"first done", "big failed", "letter stored"}));
}

TEST(LedgerTest, S7ALetterThatIsTriedAgainSharesItsTransactionWithNobody) {
  LettersAtABound f;
  f.data->refused = {"dead/", "big"};
  f.commit(f.letter(), "letter");
  f.world.run_for(std::chrono::seconds(1));
  f.commit(f.writes("big"), "big");  // waits behind it
  f.world.run_for(std::chrono::seconds(100));
  EXPECT_EQ(f.said, (std::vector<std::string>{"letter done", "big failed"}));
}

TEST(LedgerTest, S7ALetterWhoseCursorFindsNoRoomIsTriedUntilItDoesAndHoldsBackWhatIsBehindIt) {
  LettersAtABound f;
  f.data->refused = {""};
  f.commit(f.letter(), "letter");
  f.world.run_for(std::chrono::seconds(100));
  EXPECT_TRUE(f.said.empty());
  f.commit(f.writes("x"), "turn");
  f.data->refused.clear();
  f.world.run_for(std::chrono::seconds(10));
  EXPECT_EQ(f.said, (std::vector<std::string>{"letter done", "turn done"}));
}

TEST(LedgerTest, NothingGoesOutBeforeItIsOnDiskAndNothingOfAStaleInstanceDoes) {
  Pair pair(1);
  pair.send(1);
  EXPECT_FALSE(pair.sender.path().out.next());
  EXPECT_EQ(pair.sender.ledger->waiting(0).messages, 1u) << "it counts against the bound";
  pair.world.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(pair.sender.path().out.next());
  // P10: a newer instance opens the store.
  const model::InstanceId newer{{pair.sender.topology->id, "from"}, model::Epoch(2), model::Run(1)};
  pair.store.open(newer, ports::DataStore::Expect::nothing, 0, [](auto) {});
  pair.world.run_for(std::chrono::seconds(1));
  Turn turn;
  turn.emit(0, pair.pool.make("2"));
  stdx::Code code{};
  pair.sender.ledger->commit(std::move(turn), {}, [&](stdx::Status status, const Turn&) {
    if (!status) code = status.error().code;
  });
  pair.world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(code, stdx::Code::stale);
  EXPECT_EQ(pair.sender.path().out.last(), 1u);
}

}  // namespace
}  // namespace zrun
