// SPDX-License-Identifier: Apache-2.0
#include "rpc/zhost_links.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "simkit/network.h"

namespace rpc {
namespace {

using namespace std::chrono_literals;

v1::PeerHello hello_of(const std::string& zhost, std::uint64_t incarnation = 1) {
  v1::PeerHello hello;
  hello.set_cluster_id("test");
  hello.set_zhost(zhost);
  hello.set_incarnation(incarnation);
  return hello;
}

// The links of one zhost. Its certificate is that of its process's zhost.
struct Side {
  std::vector<std::string> warnings;
  simkit::Process process;
  ports::Runtime runtime = process.runtime();
  std::unique_ptr<ports::Transport> transport;
  ports::Counter& refused = runtime.metrics.counter("refused", "");
  ZhostLinks links;
  std::vector<std::string> got;
  std::map<std::string, ZhostLinks::Peer> listed;

  Side(simkit::World& world, simkit::Network& network, const std::string& id, const std::string& ip)
      : process(world, id, "zmesh",
                [this](const simkit::Process&, ports::Level level, std::string_view event,
                       ports::Fields) {
                  if (level == ports::Level::warn) warnings.emplace_back(event);
                }),
        transport(network.transport(process, ip)),
        links(runtime, *transport,
              {.self = hello_of(id),
               .listen = ports::Endpoint::tcp(ip, 9201),
               .linked = runtime.metrics.gauge("linked", ""),
               .refused = refused}) {
    network.add_address(ip, id);
    links.on_frame = [this](const std::string& from, stdx::Bytes frame) {
      got.push_back(from + ": " + frame);
    };
    EXPECT_TRUE(links.start());
  }
  void list(const std::string& other, const std::string& ip, std::uint64_t incarnation = 1) {
    listed[other] = {ip, 9201, incarnation};
    links.set_peers(listed);
  }
};

// Connects to 127.0.0.1 with the certificate of `of`, and says what it is told to.
struct Caller {
  simkit::Process process;
  std::unique_ptr<ports::Transport> transport;
  std::vector<std::unique_ptr<ports::Link>> links;
  std::size_t closed = 0, heard = 0;

  Caller(simkit::World& world, simkit::Network& network, const std::string& of,
         const std::optional<stdx::Bytes>& first, std::size_t count = 1)
      : process(world, of, "caller"), transport(network.transport(process, "127.0.0.7")) {
    for (std::size_t i = 0; i < count; ++i)
      transport->connect(ports::Endpoint::tcp("127.0.0.1", 9201), [this, first](auto link) {
        links.push_back(std::move(*link));
        links.back()->start({.on_frame = [this](const stdx::Bytes&) { ++heard; },
                             .on_closed = [this](const stdx::Error&) { ++closed; },
                             .on_writable = {}});
        if (first) links.back()->send(*first);
      });
  }
};

stdx::Bytes frame_of(const v1::PeerHello& hello,
                     wire::FrameKind kind = wire::FrameKind::peer_hello) {
  return wire::encode_frame(kind, hello);
}

struct Fixture : testing::Test {
  simkit::World world{1};
  simkit::Network network{world};
  // b has the larger id than a: it waits for a to dial.
  Side b{world, network, "b", "127.0.0.1"};
  bool until(std::function<bool()> done, stdx::Duration bound = 3s) {
    return world.run_until_true(std::move(done), bound);
  }
};
using ZhostLinksTest = Fixture;

TEST_F(ZhostLinksTest, TheSmallerIdDialsAndFramesGoBothWays) {
  Side a{world, network, "a", "127.0.0.2"};
  b.list("a", "127.0.0.2");
  a.list("b", "127.0.0.1");
  ASSERT_TRUE(until([&] { return a.links.linked("b") && b.links.linked("a"); }));
  EXPECT_TRUE(a.links.send("b", "1"));
  EXPECT_TRUE(b.links.send("a", "2"));
  EXPECT_FALSE(a.links.send("c", "3"));
  ASSERT_TRUE(until([&] { return a.got.size() + b.got.size() == 2; }));
  EXPECT_EQ(b.got[0], "a: 1");
  EXPECT_EQ(a.got[0], "b: 2");
}

// What is sent to 127.0.0.9 arrives nowhere.
TEST_F(ZhostLinksTest, AZhostThatNobodyReachesDialsThoughItsIdIsTheLargerOne) {
  Side a{world, network, "a", "127.0.0.2"};
  b.list("a", "127.0.0.2");
  a.list("b", "127.0.0.9");
  ASSERT_TRUE(until([&] { return a.links.linked("b") && b.links.linked("a"); }, 10s));
  EXPECT_TRUE(a.links.send("b", "1"));
  EXPECT_TRUE(b.links.send("a", "2"));
  ASSERT_TRUE(until([&] { return a.got.size() + b.got.size() == 2; }));
}

TEST_F(ZhostLinksTest, WhereBothDialedOneLinkStaysAndItIsTheSameOneAtBothEnds) {
  Side a{world, network, "a", "127.0.0.2"};
  b.list("a", "127.0.0.2");
  // Just when b loses its patience.
  for (const auto offset : {-2ms, -1ms, 0ms, 1ms, 2ms}) {
    world.run_for(ZhostLinks::patience + offset);
    a.list("b", "127.0.0.1");
    world.run_for(200ms);
    EXPECT_TRUE(a.links.linked("b") && b.links.linked("a"));
    a.got.clear();
    b.got.clear();
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(a.links.send("b", "x"));
      EXPECT_TRUE(b.links.send("a", "x"));
      world.run_for(100ms);
    }
    EXPECT_EQ(a.got.size(), 20u);
    EXPECT_EQ(b.got.size(), 20u);
    a.listed.clear();
    a.links.set_peers({});
    b.links.set_peers({});
    b.list("a", "127.0.0.2");
  }
}

TEST_F(ZhostLinksTest, ALinkOfAZhostWhoseFramesComeThroughAThirdOneIsClosedAndMadeAnew) {
  Side a{world, network, "a", "127.0.0.2"};
  b.list("a", "127.0.0.2");
  a.list("b", "127.0.0.1");
  ASSERT_TRUE(until([&] { return a.links.linked("b") && b.links.linked("a"); }));
  b.links.came_around("a");
  EXPECT_TRUE(b.links.linked("a")) << "it may have been sent before the link came up";
  world.run_for(ZhostLinks::settled_after);
  b.links.came_around("a");
  EXPECT_FALSE(b.links.linked("a"));
  EXPECT_TRUE(until([&] { return a.links.linked("b") && b.links.linked("a"); }));
  b.links.came_around("nobody");
}

TEST_F(ZhostLinksTest, WhoSpeaksForAnotherZhostThanItsCertificateGetsNoLinkAndHearsNothing) {
  b.list("a", "127.0.0.7");
  Caller thief(world, network, "x", frame_of(hello_of("a")));
  EXPECT_TRUE(until([&] { return thief.closed == 1; }));
  EXPECT_EQ(thief.heard, 0u);
  EXPECT_EQ(b.refused.value(), 1u);
  EXPECT_FALSE(b.links.linked("a"));
  EXPECT_EQ(b.warnings, std::vector<std::string>{"peer_refused"});
  Caller honest(world, network, "a", frame_of(hello_of("a")));
  EXPECT_TRUE(until([&] { return b.links.linked("a") && honest.heard == 1; }));
}

TEST_F(ZhostLinksTest, AnotherClusterAnOldIncarnationAStrangerAndGarbageAreRefused) {
  b.list("a", "127.0.0.7", 2);
  auto elsewhere = hello_of("a", 2);
  elsewhere.set_cluster_id("another");
  std::size_t refused = 0;
  for (const auto& first :
       {frame_of(elsewhere), frame_of(hello_of("a", 1)), stdx::Bytes("\x02garbage"), stdx::Bytes(),
        frame_of(hello_of("a", 2), wire::FrameKind::data_hello), stdx::Bytes("\x04\xff")}) {
    Caller caller(world, network, "a", first);
    EXPECT_TRUE(until([&] { return caller.closed == 1; }));
    EXPECT_EQ(caller.heard, 0u);
    EXPECT_EQ(b.refused.value(), ++refused);
  }
  Caller stranger(world, network, "x", frame_of(hello_of("x")));
  EXPECT_TRUE(until([&] { return stranger.closed == 1; }));
  EXPECT_FALSE(b.links.linked("a"));
}

TEST_F(ZhostLinksTest, SilentConnectionsLoseTheirPlaceSoThatPeersGetIn) {
  b.list("a", "127.0.0.7");
  Caller silent(world, network, "x", std::nullopt, ZhostLinks::links_unknown_max);
  world.run_for(1s);
  {
    Caller peer(world, network, "a", frame_of(hello_of("a")));
    world.run_for(1s);
    EXPECT_FALSE(b.links.linked("a")) << "all places are taken";
  }
  EXPECT_TRUE(until([&] { return silent.closed == ZhostLinks::links_unknown_max; },
                    ZhostLinks::hello_timeout + 1s));
  Caller peer(world, network, "a", frame_of(hello_of("a")));
  EXPECT_TRUE(until([&] { return b.links.linked("a"); }, 1s));
}

TEST_F(ZhostLinksTest, APeerThatAcceptsAndNeverGreetsIsDialledAgain) {
  simkit::Process mute(world, "c", "zmesh");
  network.add_address("127.0.0.3", "c");
  const auto transport = network.transport(mute, "127.0.0.3");
  std::vector<std::unique_ptr<ports::Link>> taken;
  bool greets = false;
  const auto listener = transport->listen(ports::Endpoint::tcp("127.0.0.3", 9201), [&](auto link) {
    taken.push_back(std::move(link));
    taken.back()->start({.on_frame =
                             [&](const stdx::Bytes&) {
                               if (greets) taken.back()->send(frame_of(hello_of("c")));
                             },
                         .on_closed = {},
                         .on_writable = {}});
  });
  ASSERT_TRUE(listener);
  b.list("c", "127.0.0.3");
  world.run_for(4s);
  EXPECT_EQ(taken.size(), 1u);
  EXPECT_FALSE(b.links.linked("c"));
  greets = true;
  EXPECT_TRUE(until([&] { return b.links.linked("c"); }));
  EXPECT_EQ(b.refused.value(), 1u);
}

TEST_F(ZhostLinksTest, AnotherZhostThatAnswersWhereOneWasDialledIsNotTakenForIt) {
  Side d{world, network, "d", "127.0.0.4"};
  d.list("b", "127.0.0.1");
  b.list("c", "127.0.0.4");  // where d answers
  world.run_for(2s);
  EXPECT_FALSE(b.links.linked("c"));
  EXPECT_GT(b.refused.value(), 0u);
}

TEST_F(ZhostLinksTest, AZhostThatLeavesTheListLosesItsLinkAndANewerIncarnationGetsAnother) {
  Side a{world, network, "a", "127.0.0.2"};
  std::vector<bool> ups;
  b.links.on_link = [&](const std::string&, bool up) { ups.push_back(up); };
  b.list("a", "127.0.0.2");
  a.list("b", "127.0.0.1");
  ASSERT_TRUE(until([&] { return b.links.linked("a"); }));
  b.links.set_peers({});
  EXPECT_FALSE(b.links.linked("a"));
  EXPECT_TRUE(until([&] { return !a.links.linked("b"); }));
  EXPECT_EQ(ups, (std::vector<bool>{true, false}));
  b.list("a", "127.0.0.2", 2);
  world.run_for(3s);
  EXPECT_FALSE(b.links.linked("a")) << "it is the old one";
}

TEST_F(ZhostLinksTest, ACallerThatMayBeListedSoonIsRefusedWithoutAnAlarm) {
  bool soon = true;
  b.links.may_be_listed_soon = [&] { return soon; };
  Caller early(world, network, "a", frame_of(hello_of("a")));
  EXPECT_TRUE(until([&] { return early.closed == 1; }));
  EXPECT_TRUE(b.warnings.empty());
  soon = false;
  Caller late(world, network, "a", frame_of(hello_of("a")));
  EXPECT_TRUE(until([&] { return late.closed == 1; }));
  EXPECT_EQ(b.warnings.size(), 1u);
  EXPECT_EQ(b.refused.value(), 2u);
}

TEST_F(ZhostLinksTest, ALinkOfAForgottenZhostEndsThoughItIsListedAndItsLateHelloIsRefused) {
  Side a{world, network, "a", "127.0.0.2"};
  b.list("a", "127.0.0.2");
  a.list("b", "127.0.0.1");
  ASSERT_TRUE(until([&] { return a.links.linked("b") && b.links.linked("a"); }));
  Caller silent{world, network, "a", std::nullopt};
  ASSERT_TRUE(until([&] { return silent.links.size() == 1; }));
  world.run_for(100ms);  // b has it, too
  // Certificates of this network have no key in them.
  b.links.set_revoked({{"z", ""}, {"a", "00112233445566ff"}});
  EXPECT_TRUE(b.links.linked("a")) << "of another zhost, and of another key";
  b.links.set_revoked({{"a", ""}});
  EXPECT_FALSE(b.links.linked("a"));
  EXPECT_TRUE(until([&] { return silent.closed == 1; }));
  Caller late{world, network, "a", frame_of(hello_of("a", 7))};
  EXPECT_TRUE(until([&] { return late.closed == 1; }));
  world.run_for(5s);
  EXPECT_FALSE(b.links.linked("a")) << "a dials again, and stays on the list";
  EXPECT_EQ(late.heard, 0u);
}

}  // namespace
}  // namespace rpc
