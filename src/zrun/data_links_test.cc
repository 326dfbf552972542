// SPDX-License-Identifier: Apache-2.0
#include "zrun/data_links.h"

#include <gtest/gtest.h>

#include <vector>

#include "simkit/network.h"
#include "simkit/stub_key.h"
#include "wire/frame.h"

namespace zrun {
namespace {

using namespace std::chrono_literals;

v1::PeerHello hello_of(const std::string& zhost, const std::string& to = "127.0.0.1:9201") {
  v1::PeerHello hello;
  hello.set_cluster_id("test");
  hello.set_zhost(zhost);
  hello.set_incarnation(1);
  hello.set_to(to);
  return hello;
}

// The data links of one zhost, whose only peer is `other`.
struct Side {
  std::vector<std::string> warnings;
  simkit::Process process;
  ports::Runtime runtime = process.runtime();
  std::unique_ptr<ports::Transport> transport;
  simkit::StubKey key;
  DataLinks links;

  Side(simkit::World& world, simkit::Network& network, const std::string& id, const std::string& ip,
       const std::string& other, const std::string& other_ip)
      : process(world, id, "zrun",
                [this](const simkit::Process&, ports::Level level, std::string_view event,
                       ports::Fields) {
                  if (level == ports::Level::warn) warnings.emplace_back(event);
                }),
        transport(network.transport(process, ip)),
        links(runtime, *transport, key, hello_of(id, "")) {
    network.add_address(ip, id);
    if (!other.empty()) network.add_address(other_ip, other);
    EXPECT_TRUE(links.listen(ports::Endpoint::data(ip, 9201)));
    if (!other.empty()) list(other, other_ip);
  }
  void list(const std::string& other, const std::string& other_ip) {
    v1::PeersUpdate update;
    auto* peer = update.add_data_peers();
    peer->set_zhost(other);
    peer->set_incarnation(1);
    peer->set_address(other_ip);
    peer->set_port(9201);
    links.set_peers(update);
  }
  std::uint64_t refused() {
    return runtime.metrics.counter("samoza_zrun_data_links_refused_total", "").value();
  }
};

// Connects `count` times to the data port of 127.0.0.1, and says what it is told to.
struct Caller {
  struct Call {
    std::unique_ptr<ports::Link> link;
    std::unique_ptr<rpc::Handshake> handshake;
    std::size_t heard = 0;
  };
  simkit::Process process;
  std::unique_ptr<ports::Transport> transport;
  simkit::StubKey key;
  std::vector<std::unique_ptr<Call>> calls;
  std::size_t closed = 0, heard = 0;

  Caller(simkit::World& world, simkit::Network& network, std::size_t count,
         const std::optional<v1::PeerHello>& hello, const std::string& token = "join")
      : process(world, "x", "zrun"),
        transport(network.transport(process, "127.0.0.7")),
        key(token) {
    network.add_address("127.0.0.7", "x");
    for (std::size_t i = 0; i < count; ++i)
      transport->connect(ports::Endpoint::data("127.0.0.1", 9201), [this, hello](auto link) {
        auto& call = *calls.emplace_back(std::make_unique<Call>());
        call.link = std::move(*link);
        call.handshake = std::make_unique<rpc::Handshake>(key, rpc::Handshake::Side::dialler);
        call.link->start({.on_frame =
                              [this, &call](const stdx::Bytes& frame) {
                                ++heard;
                                // Whether the other side proves anything is no matter here.
                                (void)call.handshake->take(frame);
                                if (++call.heard == 2) call.link->send(*call.handshake->proof());
                              },
                          .on_closed = [this](const stdx::Error&) { ++closed; },
                          .on_writable = {}});
        if (!hello) return;
        auto said = *call.handshake->say(wire::encode_frame(wire::FrameKind::data_hello, *hello));
        for (auto& frame : said) call.link->send(frame);
      });
  }
};

TEST(DataLinksTest, SilentConnectionsLoseTheirPlaceSoThatPeersGetIn) {
  simkit::World world{1};
  simkit::Network network{world};
  // b has the larger id: it waits for a to dial, and a is only played by callers here.
  Side b{world, network, "b", "127.0.0.1", "a", "127.0.0.7"};
  Caller silent(world, network, DataLinks::unknown_max, std::nullopt);
  world.run_for(1s);
  {
    Caller peer(world, network, 1, hello_of("a"));
    world.run_for(1s);
    EXPECT_FALSE(b.links.linked("a")) << "all places are taken";
  }
  EXPECT_TRUE(world.run_until_true([&] { return silent.closed == DataLinks::unknown_max; },
                                   DataLinks::hello_timeout + 1s));
  Caller peer(world, network, 1, hello_of("a"));
  EXPECT_TRUE(world.run_until_true([&] { return b.links.linked("a") && peer.heard == 2; }, 1s));
}

TEST(DataLinksTest, APeerThatAcceptsAndNeverGreetsIsDialledAgain) {
  simkit::World world{2};
  simkit::Network network{world};
  simkit::Process mute(world, "b", "zrun");
  network.add_address("127.0.0.2", "b");
  const auto transport = network.transport(mute, "127.0.0.2");
  std::vector<std::unique_ptr<ports::Link>> taken;
  bool greets = false;
  simkit::StubKey key;
  std::optional<rpc::Handshake> handshake;
  const auto listener = transport->listen(ports::Endpoint::data("127.0.0.2", 9201), [&](auto link) {
    handshake.emplace(key, rpc::Handshake::Side::acceptor);
    taken.push_back(std::move(link));
    taken.back()->start({.on_frame =
                             [&](const stdx::Bytes& frame) {
                               if (!greets ||
                                   *handshake->take(frame) != rpc::Handshake::Heard::hello)
                                 return;
                               auto said = *handshake->say(wire::encode_frame(
                                   wire::FrameKind::data_hello, hello_of("b", "")));
                               for (auto& out : said) taken.back()->send(out);
                             },
                         .on_closed = {},
                         .on_writable = {}});
  });
  ASSERT_TRUE(listener);
  Side a{world, network, "a", "127.0.0.1", "b", "127.0.0.2"};
  world.run_for(4s);
  EXPECT_EQ(taken.size(), 1u);
  EXPECT_FALSE(a.links.linked("b"));
  greets = true;
  EXPECT_TRUE(world.run_until_true([&] { return a.links.linked("b"); }, 3s));
  EXPECT_EQ(a.refused(), 1u);
}

TEST(DataLinksTest, WhoDoesNotProveTheJoinTokenGetsNoLink) {
  simkit::World world{3};
  simkit::Network network{world};
  Side b{world, network, "b", "127.0.0.1", "a", "127.0.0.7"};
  for (const char* wrong : {"", "Join", "joi"}) {
    Caller caller(world, network, 1, hello_of("a"), wrong);
    EXPECT_TRUE(world.run_until_true([&] { return caller.closed == 1; }, 3s)) << wrong;
  }
  Caller relay(world, network, 1, hello_of("a", "127.0.0.7:9201"));
  EXPECT_TRUE(world.run_until_true([&] { return relay.closed == 1; }, 3s));
  EXPECT_EQ(relay.heard, 0u) << "it meant to dial somebody else";
  EXPECT_EQ(b.refused(), 4u);
  EXPECT_FALSE(b.links.linked("a"));
  Caller peer(world, network, 1, hello_of("a"));
  EXPECT_TRUE(world.run_until_true([&] { return b.links.linked("a"); }, 3s));
}

TEST(DataLinksTest, AFalsePeerGetsNoProofAndNoLink) {
  simkit::World world{4};
  simkit::Network network{world};
  Side a{world, network, "a", "127.0.0.1", "b", "127.0.0.2"};
  Side b{world, network, "b", "127.0.0.2", "a", "127.0.0.1"};
  b.key.token = "another";
  world.run_for(3s);
  EXPECT_FALSE(a.links.linked("b"));
  EXPECT_FALSE(b.links.linked("a"));
  EXPECT_GT(a.refused(), 0u);
  EXPECT_EQ(b.refused(), 0u) << "a left before it proved anything";
  b.key.token = "join";
  EXPECT_TRUE(world.run_until_true([&] { return a.links.linked("b") && b.links.linked("a"); }, 3s));
}

TEST(DataLinksTest, APeerThatDialsBeforeTheListCameIsRefusedWithoutAnAlarm) {
  simkit::World world{5};
  simkit::Network network{world};
  Side b{world, network, "b", "127.0.0.1", "", ""};
  Side a{world, network, "a", "127.0.0.2", "b", "127.0.0.1"};
  world.run_for(1min);
  EXPECT_GT(b.refused(), 0u);
  EXPECT_TRUE(b.warnings.empty()) << "nobody is listed yet";
  b.list("a", "127.0.0.2");
  EXPECT_TRUE(world.run_until_true([&] { return a.links.linked("b") && b.links.linked("a"); }, 3s));
}

TEST(DataLinksTest, WhoIsStillNotListedLongAfterHeDialledFirstIsWorthAWarning) {
  simkit::World world{6};
  simkit::Network network{world};
  Side b{world, network, "b", "127.0.0.1", "c", "127.0.0.3"};
  Side a{world, network, "a", "127.0.0.2", "b", "127.0.0.1"};
  world.run_for(DataLinks::list_delay_max - 1s);
  EXPECT_GT(b.refused(), 0u);
  EXPECT_TRUE(b.warnings.empty()) << "a newer list may name him";
  world.run_for(2s);
  ASSERT_FALSE(b.warnings.empty());
  EXPECT_EQ(b.warnings.front(), "data_link_refused");
}

TEST(DataLinksTest, AnotherClusterIsWarnedOfAtOnceEvenBeforeTheListCame) {
  simkit::World world{7};
  simkit::Network network{world};
  Side b{world, network, "b", "127.0.0.1", "", ""};
  auto hello = hello_of("a");
  hello.set_cluster_id("another");
  Caller caller(world, network, 1, hello);
  EXPECT_TRUE(world.run_until_true([&] { return caller.closed == 1; }, 3s));
  EXPECT_EQ(b.warnings, std::vector<std::string>{"data_link_refused"});
}

}  // namespace
}  // namespace zrun
