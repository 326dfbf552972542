// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "simkit/network.h"

namespace simkit {
namespace {

using namespace std::chrono_literals;
using ports::Endpoint;

struct Pair {
  World world{42};
  Network network{world};
  Process a{world, "z0", "zmesh"}, b{world, "z1", "zmesh"};
  std::unique_ptr<ports::Transport> ta = network.transport(a, "127.0.0.1"),
                                    tb = network.transport(b, "127.0.0.2");
  std::unique_ptr<ports::Listener> listener;
  std::unique_ptr<ports::Link> server, client;
  std::vector<std::string> got;
  bool closed = false;

  Pair() {
    network.add_address("127.0.0.1", "z0");
    network.add_address("127.0.0.2", "z1");
    listener = *tb->listen(Endpoint::tcp("127.0.0.2", 9201), [this](auto link) {
      server = std::move(link);
      server->start({.on_frame = [this](std::string f) { got.push_back(f); },
                     .on_closed = [this](const stdx::Error&) { closed = true; },
                     .on_writable = {}});
    });
    ta->connect(Endpoint::tcp("127.0.0.2", 9201), [this](auto link) {
      client = std::move(*link);
      client->start({});
    });
    world.run_for(10ms);
  }
};

TEST(SimkitTest, FramesArriveInOrderAndACutOnlyDelaysThem) {
  Pair pair;
  for (int i = 0; i < 50; ++i) pair.client->send(std::to_string(i));
  pair.network.cut("z1", "z0");
  for (int i = 50; i < 100; ++i) pair.client->send(std::to_string(i));
  pair.world.run_for(2s);
  EXPECT_LT(pair.got.size(), 100u);
  pair.network.heal_all();
  pair.world.run_for(2s);
  ASSERT_EQ(pair.got.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pair.got[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST(SimkitTest, AnUrgentFrameGoesAheadOfMegabytesThatWait) {
  Pair pair;
  for (int i = 0; i < 30; ++i) pair.client->send(std::string(256u << 10, 'r'));
  pair.client->send("lease", ports::Urgency::urgent);
  pair.client->send("ping", ports::Urgency::urgent);
  ASSERT_TRUE(pair.world.run_until_true([&] { return pair.got.size() == 32; }, 60s));
  const auto place = std::ranges::find(pair.got, "lease") - pair.got.begin();
  EXPECT_LT(place, 4);
  EXPECT_EQ(pair.got[static_cast<std::size_t>(place) + 1], "ping");
}

TEST(SimkitTest, DestroyingALinkIsSeenOnTheOtherSideAfterItsLastFrame) {
  Pair pair;
  pair.client->send("last");
  pair.client.reset();
  EXPECT_TRUE(pair.world.run_until_true([&] { return pair.closed; }, 1s));
  EXPECT_EQ(pair.got, std::vector<std::string>{"last"});
}

TEST(SimkitTest, AnUnboundDatagramPortIsRefusedAndACutOneIsSilent) {
  Pair pair;
  int refused = 0;
  auto socket = *pair.ta->bind_datagram(
      Endpoint::tcp("127.0.0.1", 9201),
      {.on_datagram = {}, .on_refused = [&](const Endpoint&) { ++refused; }});
  socket->send(Endpoint::tcp("127.0.0.2", 9201), "x");
  pair.world.run_for(1s);
  EXPECT_EQ(refused, 1);
  pair.network.cut("z0", "z1");
  socket->send(Endpoint::tcp("127.0.0.2", 9201), "x");
  pair.world.run_for(1s);
  EXPECT_EQ(refused, 1);
}

TEST(SimkitTest, ALinkThatAPausedProcessNeverAcceptedBreaksWhenThatIsKilled) {
  World world(1);
  Network network{world};
  network.add_address("127.0.0.1", "z0");
  Process client(world, "z0", "client");
  auto server = std::make_unique<Process>(world, "z0", "server");
  auto tc = network.transport(client, "127.0.0.1"), ts = network.transport(*server, "127.0.0.1");
  auto listener = ts->listen(Endpoint::local("x"), [](auto) {});
  server->pause();
  std::unique_ptr<ports::Link> link;
  bool closed = false;
  tc->connect(Endpoint::local("x"), [&](auto made) {
    link = std::move(*made);
    link->start(
        {.on_frame = {}, .on_closed = [&](const auto&) { closed = true; }, .on_writable = {}});
  });
  world.run_for(1s);
  EXPECT_FALSE(closed);
  listener->reset();
  ts.reset();
  server.reset();
  world.run_for(1s);
  EXPECT_TRUE(closed);
}

TEST(SimkitTest, TheSameSeedGivesTheSameTraceAndAnotherSeedAnother) {
  const auto run = [](std::uint64_t seed) {
    World world(seed);
    Process process(world, "z", "p");
    for (int i = 0; i < 100; ++i)
      process.after(stdx::Duration(static_cast<std::int64_t>(process.next() % 1'000'000)),
                    [&process] { process.info("tick"); });
    world.run_for(1s);
    return world.trace_hash();
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(SimkitTest, APausedProcessRunsWhatCameDueWhenItIsResumed) {
  World world(1);
  Process process(world, "z", "p");
  int ran = 0;
  process.after(10ms, [&] { ++ran; });
  const auto cancelled = process.after(20ms, [&] { ran += 100; });
  process.pause();
  world.run_for(1s);
  EXPECT_EQ(ran, 0);
  process.cancel(cancelled);
  process.resume();
  world.run_for(1ms);
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace simkit
