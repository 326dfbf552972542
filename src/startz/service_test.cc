// SPDX-License-Identifier: Apache-2.0
#include "startz/service.h"

#include <gtest/gtest.h>

#include "rpc/service_bus.h"
#include "simkit/network.h"
#include "simkit/processes.h"
#include "simkit/stub_key.h"
#include "startz/sealed_beat.h"
#include "stdx/encoding.h"
#include "wire/frame.h"

namespace startz {
namespace {

using namespace std::chrono_literals;

// A child that says Hello to startz and runs what it is told: what startz sees of zrun.
struct FakeChild {
  simkit::Process process;
  ports::Runtime runtime;
  std::unique_ptr<ports::Transport> transport;
  std::unique_ptr<rpc::ServiceBus> bus;
  ports::Timer start{process};

  FakeChild(simkit::World& world, simkit::Network& network, const std::string& name,
            std::vector<v1::PlaceCommand>& places, std::vector<v1::StopCommand>& stops,
            const std::string& stop_outcome, std::function<void()> end, bool& deaf,
            std::vector<v1::Beat>& heard, stdx::Duration hello_after)
      : process(world, "a", name),
        runtime(process.runtime()),
        transport(network.transport(process, "127.0.0.1")) {
    v1::Hello hello;
    hello.set_service(name);
    hello.set_zhost("a");
    bus = std::make_unique<rpc::ServiceBus>(runtime, *transport,
                                            rpc::ServiceBus::Options{"startz", hello});
    bus->on("zrun.place_many",
            rpc::typed<v1::PlaceBatch, v1::PlaceBatchReply>(
                [&places](const rpc::Caller&, v1::PlaceBatch batch, auto done) {
                  v1::PlaceBatchReply replies;
                  for (auto& command : *batch.mutable_commands()) {
                    EXPECT_TRUE(command.mutable_topology()->ParseFromString(batch.topology()));
                    places.push_back(std::move(command));
                    replies.add_replies()->set_outcome("accepted");
                  }
                  done(std::move(replies));
                }));
    bus->on("zrun.stop",
            rpc::typed<v1::StopCommand, v1::CommandReply>(
                [&stops, &stop_outcome](const rpc::Caller&, v1::StopCommand command, auto done) {
                  stops.push_back(std::move(command));
                  v1::CommandReply reply;
                  reply.set_outcome(stop_outcome);
                  done(reply);
                }));
    bus->on("startz.beat", rpc::event<v1::Beat>([&heard](const rpc::Caller&, v1::Beat beat) {
              heard.push_back(std::move(beat));
            }));
    bus->on("service.ping", [&deaf](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
      if (!deaf) respond(stdx::Bytes());
    });
    bus->on("service.stop", [end](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
      respond(stdx::Bytes());
      end();
    });
    start.set(hello_after, [this] { bus->start(); });
  }
};

struct Zhost {
  simkit::World world{4};
  simkit::Network network{world};
  simkit::Process process{world, "a", "startz"}, other{world, "b", "startz"};
  ports::Runtime runtime = process.runtime();
  std::unique_ptr<ports::Transport> transport = network.transport(process, "127.0.0.1"),
                                    other_transport = network.transport(other, "127.0.0.2");
  std::vector<v1::PlaceCommand> places;
  std::vector<v1::StopCommand> stops;
  std::string stop_outcome = "accepted";
  stdx::Duration hello_after{};
  std::vector<std::string> ended;
  std::vector<v1::Beat> beats;
  std::vector<v1::Beat> heard;  // beats of others, as zrms gets them
  std::vector<stdx::Bytes> challenges;
  bool answers = true;
  std::uint64_t answered_with = 2;  // the counter of that beat
  simkit::StubKey key;
  bool launch_works = true, deaf = false;
  simkit::SimProcesses processes{
      process,
      [this](const ports::ProcessSpec& spec, std::function<void()> end) -> std::shared_ptr<void> {
        if (!launch_works) return nullptr;
        const std::string name = spec.name;
        return std::make_shared<FakeChild>(
            world, network, name, places, stops, stop_outcome,
            [this, name, end] {
              ended.push_back(name);
              end();
            },
            deaf, heard, hello_after);
      }};
  std::unique_ptr<ports::DatagramSocket> socket;
  std::unique_ptr<Service> service;

  Zhost() {
    network.add_address("127.0.0.1", "a");
    network.add_address("127.0.0.2", "b");
    socket = *other_transport->bind_datagram(
        ports::Endpoint::tcp("127.0.0.2", 9201),
        {.on_datagram = [this](const ports::Endpoint&, stdx::Bytes bytes) { datagram(bytes); },
         .on_refused = {}});
    Options options;
    options.cluster_id = "test";
    options.zhost = "a";
    options.incarnation = 7;
    options.beats = {ports::Endpoint::tcp("127.0.0.1", 9201)};
    for (const char* name : {"zmesh", "zrms", "zrun"})
      options.children.specs.push_back({name, {name}, {}});
    service = std::make_unique<Service>(runtime, *transport, processes, key, options);
    EXPECT_TRUE(service->start());
    world.run_for(500ms);
  }
  // Zhost b: takes beats, and answers a challenge while `answers`.
  void datagram(const stdx::Bytes& bytes) {
    const auto beat = open_beat(key, bytes)->beat;
    if (beat.challenge().empty()) return beats.push_back(beat);
    challenges.push_back(beat.challenge());
    if (!answers) return;
    auto answer = beat_of_b(answered_with);
    answer.set_answer(beat.challenge());
    send(*seal_beat(key, answer.SerializeAsString()));
  }
  static v1::Beat beat_of_b(std::uint64_t counter, std::uint64_t incarnation = 3) {
    v1::Beat beat;
    beat.set_cluster_id("test");
    beat.set_zhost("b");
    beat.set_incarnation(incarnation);
    beat.set_counter(counter);
    return beat;
  }
  void send(stdx::Bytes datagram) {
    socket->send(ports::Endpoint::tcp("127.0.0.1", 9201), std::move(datagram));
  }
  void say(const v1::Beat& beat) {
    send(*seal_beat(key, beat.SerializeAsString()));
    world.run_for(100ms);
  }
  std::uint64_t count(const char* name) { return runtime.metrics.counter(name, "").value(); }
  FakeChild& child(const char* name) {
    return *std::static_pointer_cast<FakeChild>(processes.body(name));
  }
  void membership() {
    v1::MembersChanged members;
    members.add_supers("b");
    auto* peer = members.add_peers();
    peer->set_zhost_id("b");
    peer->set_address("127.0.0.2");
    peer->set_port(9201);
    child("zmesh").bus->notify(rpc::address("", "startz"), "zmesh.membership",
                               members.SerializeAsString());
  }
  std::string place(std::uint64_t epoch) {
    v1::PlaceCommand command;
    auto* header = command.mutable_header();
    header->set_term(1);
    header->set_zhost("a");
    header->set_incarnation(7);
    header->set_topology_id(stdx::uuid_from(1, 2));
    header->set_space("x");
    header->set_epoch(epoch);
    std::string outcome;
    child("zrms").bus->request(
        rpc::address("", "startz"), "startz.place", command.SerializeAsString(), 5s,
        [&](auto reply) { outcome = wire::parse<v1::CommandReply>(*reply)->outcome(); });
    EXPECT_TRUE(world.run_until_true([&] { return !outcome.empty(); }, 5s));
    world.run_for(10ms);
    return outcome;
  }
};

TEST(StartzTest, RHbBeatsGoToEverySuperWithOneGrowingCounter) {
  Zhost zhost;
  zhost.membership();
  ASSERT_TRUE(zhost.world.run_until_true([&] { return zhost.beats.size() >= 5; }, 2s));
  for (std::size_t i = 1; i < zhost.beats.size(); ++i)
    EXPECT_GT(zhost.beats[i].counter(), zhost.beats[i - 1].counter());
  EXPECT_EQ(zhost.beats.back().incarnation(), 7u);
  EXPECT_EQ(zhost.beats.back().children_size(), 3);
}

TEST(StartzTest, ABeatOrGoodbyeThatIsNotSealedWithAKeyOfTheClusterIsDroppedAndCounted) {
  Zhost zhost;
  zhost.membership();
  zhost.say(Zhost::beat_of_b(1));
  ASSERT_EQ(zhost.heard.size(), 1u) << "its answer to the challenge";
  simkit::StubKey another("another key"), none;
  none.missing = "not made yet";
  auto beat = Zhost::beat_of_b(8);
  const auto send = [&](stdx::Bytes datagram) {
    zhost.send(std::move(datagram));
    zhost.world.run_for(100ms);
  };
  const auto good = *seal_beat(zhost.key, beat.SerializeAsString());
  auto turned = *wire::parse<v1::SealedBeat>(good);
  beat.set_goodbye(true);
  turned.set_beat(beat.SerializeAsString());  // somebody else's MAC, another message
  v1::SealedBeat bare;
  bare.set_beat(beat.SerializeAsString());
  EXPECT_FALSE(seal_beat(none, bare.beat()));
  send(beat.SerializeAsString());
  send(bare.SerializeAsString());
  send(turned.SerializeAsString());
  send(*seal_beat(another, beat.SerializeAsString()));
  send("no beat at all");
  auto stranger = Zhost::beat_of_b(9);
  stranger.set_zhost("c");
  send(*seal_beat(zhost.key, stranger.SerializeAsString()));
  EXPECT_EQ(zhost.heard.size(), 1u);
  EXPECT_EQ(zhost.count("samoza_startz_unauthenticated_datagrams_total") +
                zhost.count("samoza_startz_foreign_datagrams_total"),
            6u);
  EXPECT_GE(zhost.count("samoza_startz_unauthenticated_datagrams_total"), 3u);
  send(good);
  ASSERT_EQ(zhost.heard.size(), 2u);
  EXPECT_EQ(zhost.heard[1].counter(), 8u);
  EXPECT_FALSE(zhost.heard[1].goodbye());
}

TEST(StartzTest, P9RecordedBeatsOfAZhostThatWasNeverHeardAreRefusedUntilItAnswersItself) {
  Zhost zhost;
  zhost.membership();
  zhost.answers = false;  // it is dead; somebody plays back what it said
  for (std::uint64_t counter = 1; counter <= 30; ++counter) zhost.say(Zhost::beat_of_b(counter));
  EXPECT_TRUE(zhost.heard.empty());
  EXPECT_EQ(zhost.count("samoza_startz_stale_beats_total"), 30u);
  ASSERT_FALSE(zhost.challenges.empty());
  // An answer to somebody else is no answer.
  auto other = Zhost::beat_of_b(31);
  other.set_answer(stdx::Bytes(16, 'x'));
  zhost.say(other);
  EXPECT_TRUE(zhost.heard.empty());
  zhost.answers = true;
  zhost.answered_with = 40;
  zhost.say(Zhost::beat_of_b(32));
  ASSERT_EQ(zhost.heard.size(), 1u);
  EXPECT_EQ(zhost.heard[0].counter(), 40u);
  zhost.say(Zhost::beat_of_b(33));
  EXPECT_EQ(zhost.heard.size(), 1u) << "older than its answer";
  zhost.say(Zhost::beat_of_b(41));
  EXPECT_EQ(zhost.heard.size(), 2u);
  // The next life is asked again; the former one is over.
  const auto asked = zhost.challenges.size();
  zhost.answers = false;
  zhost.say(Zhost::beat_of_b(1, 4));
  EXPECT_EQ(zhost.heard.size(), 2u);
  EXPECT_EQ(zhost.challenges.size(), asked + 1);
}

TEST(StartzTest, AChallengeIsAnsweredWithAFreshBeatToWhereItCameFrom) {
  Zhost zhost;
  zhost.membership();
  auto challenge = Zhost::beat_of_b(5);
  challenge.set_challenge(stdx::Bytes(16, 'q'));
  zhost.say(challenge);
  const auto answers = [&] {
    return std::count_if(zhost.beats.begin(), zhost.beats.end(), [](const v1::Beat& beat) {
      return beat.answer() == stdx::Bytes(16, 'q') && beat.zhost() == "a";
    });
  };
  EXPECT_EQ(answers(), 1);
  EXPECT_TRUE(zhost.heard.empty()) << "a challenge is no sign of life";
}

TEST(StartzTest, WithoutKeysOfTheClusterThereAreNoBeatsUntilTheyAreThere) {
  Zhost zhost;
  zhost.key.missing = "not made yet";
  zhost.membership();
  zhost.world.run_for(1s);
  EXPECT_TRUE(zhost.beats.empty());
  zhost.key.missing = "";
  EXPECT_TRUE(zhost.world.run_until_true([&] { return !zhost.beats.empty(); }, 1s));
}

TEST(StartzTest, P3ZrunThatComesBackInTimeGetsItsSpacesWithTheSameEpochAndAHigherRun) {
  Zhost zhost;
  EXPECT_EQ(zhost.place(3), "accepted");
  ASSERT_EQ(zhost.places.size(), 1u);
  zhost.processes.crash("zrun");
  ASSERT_TRUE(zhost.world.run_until_true([&] { return zhost.places.size() == 2; }, 1s));
  EXPECT_EQ(zhost.service->children().find("zrun")->cause, "signal 9 (killed)");
  EXPECT_EQ(zhost.places[1].header().epoch(), 3u);
  EXPECT_GT(zhost.places[1].run(), zhost.places[0].run());
  EXPECT_TRUE(zhost.places[1].restart_in_place());
  EXPECT_FALSE(zhost.places[0].restart_in_place());
}

TEST(StartzTest, P3AfterTheGraceTheListIsDroppedAndOnlyThenDownIsSaid) {
  Zhost zhost;
  zhost.membership();
  zhost.place(3);
  zhost.launch_works = false;
  zhost.processes.crash("zrun");
  const auto says = [&](v1::ChildState state) {
    return !zhost.beats.empty() && zhost.beats.back().children(2).state() == state;
  };
  ASSERT_TRUE(zhost.world.run_until_true([&] { return says(v1::CHILD_DOWN); }, 3s));
  EXPECT_TRUE(zhost.service->gatekeeper().placed().empty());
  // zrun is back: nothing comes with it, and the old epoch cannot be started again (P4).
  zhost.launch_works = true;
  zhost.processes.crash("zrun");
  ASSERT_TRUE(zhost.world.run_until_true([&] { return says(v1::CHILD_UP); }, 10s));
  EXPECT_EQ(zhost.places.size(), 1u);
  EXPECT_EQ(zhost.place(3), "refused");
  EXPECT_EQ(zhost.place(4), "accepted");
}

// R-ISO-1, R-ISO-2: zrun and its spaces stay.
TEST(StartzTest, ACrashOfZmeshOrZrmsMovesNoSpace) {
  Zhost zhost;
  zhost.place(3);
  zhost.processes.crash("zmesh");
  zhost.processes.crash("zrms");
  zhost.world.run_for(3s);
  EXPECT_EQ(zhost.places.size(), 1u);
  EXPECT_EQ(zhost.service->gatekeeper().placed().size(), 1u);
  EXPECT_NE(zhost.processes.body("zmesh"), nullptr);
}

TEST(StartzTest, AChildThatDoesNotAnswerForFiveSecondsIsKilledAndStartedAgain) {
  Zhost zhost;
  zhost.deaf = true;
  const auto starts = zhost.service->children().find("zrun")->starts;
  ASSERT_TRUE(zhost.world.run_until_true(
      [&] { return zhost.service->children().find("zrun")->starts > starts; }, 20s));
}

TEST(StartzTest, AChildWithALongStartIsLeftAloneUntilItSaysHello) {
  Zhost zhost;
  const auto starts = [&] { return zhost.service->children().find("zrun")->starts; };
  zhost.hello_after = 40s;
  zhost.processes.crash("zrun");
  zhost.world.run_for(50s);
  EXPECT_EQ(starts(), 2u);
  EXPECT_TRUE(zhost.service->hub().has("zrun"));
  // One that never says hello is not waited for for ever.
  zhost.hello_after = 1h;
  zhost.processes.crash("zrun");
  zhost.world.run_for(60s);
  EXPECT_EQ(starts(), 3u);
  zhost.world.run_for(10s);
  EXPECT_EQ(starts(), 4u);
}

TEST(StartzTest, DataOfADeletedTopologyIsRemovedAlsoWhenZrunWasAwayAsTheWordCame) {
  Zhost zhost;
  EXPECT_EQ(zhost.place(3), "accepted");
  zhost.hello_after = 3s;
  zhost.processes.crash("zrun");
  v1::StopCommand command;
  *command.mutable_header() = zhost.places[0].header();
  command.set_remove_data(true);
  zhost.child("zrms").bus->request(rpc::address("", "startz"), "startz.stop",
                                   command.SerializeAsString(), 5s, [](auto) {});
  zhost.world.run_for(2s);
  EXPECT_TRUE(zhost.stops.empty());
  ASSERT_TRUE(zhost.world.run_until_true([&] { return zhost.stops.size() == 1; }, 5s));
  EXPECT_TRUE(zhost.stops[0].remove_data());
  EXPECT_EQ(zhost.places.size(), 1u) << "it is not placed again";
  // It was closing the space as it ended: asked again, until it says that nothing is there.
  zhost.stop_outcome = "already";
  for (int i = 0; i < 2; ++i) {
    zhost.processes.crash("zrun");
    zhost.world.run_for(10s);
    EXPECT_EQ(zhost.stops.size(), 2u);
  }
}

// R-DEC-8, R-OPS-2: taking a zhost out stops all its services.
TEST(StartzTest, StopSaysGoodbyeAndEndsTheChildrenInReverseOrder) {
  Zhost zhost;
  zhost.membership();
  zhost.world.run_for(300ms);
  bool done = false;
  zhost.service->stop([&] { done = true; });
  ASSERT_TRUE(zhost.world.run_until_true([&] { return done; }, 20s));
  EXPECT_EQ(zhost.ended, (std::vector<std::string>{"zrun", "zrms", "zmesh"}));
  zhost.world.run_for(100ms);
  EXPECT_TRUE(zhost.beats.back().goodbye());
}

TEST(StartzTest, TheMembershipIsGivenBackToAZmeshThatStartsAnew) {
  Zhost zhost;
  zhost.membership();
  zhost.world.run_for(50ms);
  zhost.processes.crash("zmesh");
  zhost.world.run_for(1s);
  v1::MembersChanged known;
  zhost.child("zmesh").bus->request(
      rpc::address("", "startz"), "startz.membership", "", 1s,
      rpc::expect<v1::MembersChanged>([&](stdx::Result<v1::MembersChanged> reply) {
        if (reply) known = *reply;
      }));
  zhost.world.run_for(1s);
  EXPECT_EQ(known.supers_size(), 1);
}

TEST(StartzTest, P15WhatItHeardOfTheRecordsIsToldBeforeARegistrationAndNothingNewerIsTakenThen) {
  Zhost z;
  const auto lineage = stdx::uuid_from(5, 5);
  v1::RecordsNews news;
  news.mutable_known()->set_lineage(lineage);
  news.mutable_known()->set_counter(8);
  news.mutable_known()->set_term(2);
  z.child("zmesh").bus->notify(rpc::address("", "startz"), "zmesh.records",
                               news.SerializeAsString());
  std::optional<v1::RecordsKnown> known;
  z.child("zmesh").bus->endpoint().request(rpc::address("", "startz"), "startz.records", "", 1s,
                                           rpc::expect<v1::RecordsKnown>([&](auto told) {
                                             if (told) known = *told;
                                           }));
  ASSERT_TRUE(z.world.run_until_true([&] { return known.has_value(); }, 2s));
  EXPECT_EQ(known->counter(), 8u);
  const auto place = [&](std::uint64_t epoch, std::uint64_t counter) {
    v1::PlaceCommand command;
    auto* header = command.mutable_header();
    header->set_term(2);
    header->set_zhost("a");
    header->set_incarnation(7);
    header->set_topology_id(stdx::uuid_from(1, 2));
    header->set_space("x");
    header->set_epoch(epoch);
    header->set_lineage(lineage);
    header->set_counter(counter);
    std::string outcome;
    z.child("zmesh").bus->endpoint().request(rpc::address("", "startz"), "startz.place",
                                             command.SerializeAsString(), 1s,
                                             rpc::expect<v1::CommandReply>([&](auto reply) {
                                               if (reply) outcome = reply->outcome();
                                             }));
    EXPECT_TRUE(z.world.run_until_true([&] { return !outcome.empty(); }, 2s));
    return outcome;
  };
  EXPECT_EQ(place(1, 9), "refused");
  EXPECT_EQ(place(1, 8), "accepted");
  v1::MembersChanged answer;
  *answer.mutable_records() = *known;
  z.child("zmesh").bus->notify(rpc::address("", "startz"), "zmesh.membership",
                               answer.SerializeAsString());
  EXPECT_EQ(place(2, 9), "accepted");
}

}  // namespace
}  // namespace startz
