// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "rpc/hub.h"
#include "rpc/service_bus.h"
#include "simkit/network.h"

namespace rpc {
namespace {

using namespace std::chrono_literals;

struct Zhost {
  simkit::World world{5};
  simkit::Network network{world};
  simkit::Process hub_process{world, "z0", "zmesh"}, a_process{world, "z0", "zrms"},
      b_process{world, "z0", "zrun"};
  ports::Runtime hub_runtime = hub_process.runtime(), a_runtime = a_process.runtime(),
                 b_runtime = b_process.runtime();
  std::unique_ptr<ports::Transport> hub_transport = network.transport(hub_process, "127.0.0.1"),
                                    a_transport = network.transport(a_process, "127.0.0.1"),
                                    b_transport = network.transport(b_process, "127.0.0.1");
  std::unique_ptr<Hub> hub;
  std::unique_ptr<ServiceBus> a, b;

  static v1::Hello hello(const char* service, const char* zhost = "z0") {
    v1::Hello hello;
    hello.set_service(service);
    hello.set_zhost(zhost);
    return hello;
  }
  void start_hub() {
    hub = std::make_unique<Hub>(hub_runtime, *hub_transport, Hub::Options{"zmesh", "z0"});
    ASSERT_TRUE(hub->start());
  }
  Zhost() {
    start_hub();
    a = std::make_unique<ServiceBus>(a_runtime, *a_transport,
                                     ServiceBus::Options{"zmesh", hello("zrms")});
    b = std::make_unique<ServiceBus>(b_runtime, *b_transport,
                                     ServiceBus::Options{"zmesh", hello("zrun")});
    b->on("zrun.echo", [](const Caller& caller, stdx::BytesView body, Response respond) {
      respond(caller.from.service() + ":" + std::string(body));
    });
    b->on("zrun.silent", [](const Caller&, stdx::BytesView, Response) {});
    a->start();
    b->start();
    world.run_for(100ms);
  }
  stdx::Result<stdx::Bytes> ask(const char* service, const char* method, const char* zhost = "") {
    stdx::Result<stdx::Bytes> got = stdx::fail(stdx::Code::failed, "nothing came");
    bool done = false;
    a->request(address(zhost, service), method, "hi", 500ms, [&](stdx::Result<stdx::Bytes> r) {
      got = std::move(r);
      done = true;
    });
    EXPECT_FALSE(done) << "an answer never comes from inside request";
    EXPECT_TRUE(world.run_until_true([&] { return done; }, 2s));
    return got;
  }
};

TEST(ServiceBusTest, ARequestReachesAnotherServiceAndTheHubSaysWhoAsked) {
  Zhost zhost;
  EXPECT_EQ(zhost.ask("zrun", "zrun.echo"), "zrms:hi");
}

TEST(ServiceBusTest, EveryRequestIsAnsweredAlsoWhereNobodyCanAnswer) {
  Zhost zhost;
  EXPECT_EQ(zhost.ask("zrun", "zrun.nope").error().code, stdx::Code::unsupported);
  EXPECT_EQ(zhost.ask("zrun", "zrun.silent").error().code, stdx::Code::timeout);
  EXPECT_EQ(zhost.ask("zbase", "zbase.list").error().code, stdx::Code::unavailable);
  EXPECT_EQ(zhost.ask("zrun", "zrun.echo", "z9").error().code, stdx::Code::not_found);
}

TEST(ServiceBusTest, AServiceComesBackToItsHubAfterTheHubWasAway) {
  Zhost zhost;
  zhost.hub.reset();
  zhost.world.run_for(200ms);
  EXPECT_EQ(zhost.ask("zrun", "zrun.echo").error().code, stdx::Code::unavailable);
  zhost.start_hub();
  EXPECT_TRUE(zhost.world.run_until_true(
      [&] { return zhost.hub->has("zrms") && zhost.hub->has("zrun"); }, 10s));
  EXPECT_EQ(zhost.ask("zrun", "zrun.echo"), "zrms:hi");
}

TEST(ServiceBusTest, ARequestUnderWayIsAnsweredAsUnknownWhenTheHubGoes) {
  Zhost zhost;
  stdx::Result<stdx::Bytes> got = stdx::fail(stdx::Code::failed, "");
  zhost.a->request(address("", "zrun"), "zrun.silent", "", 5s,
                   [&](stdx::Result<stdx::Bytes> r) { got = std::move(r); });
  zhost.world.run_for(10ms);
  zhost.hub.reset();
  zhost.world.run_for(100ms);
  EXPECT_EQ(got.error().code, stdx::Code::unknown);
}

// Of 40 MiB at once as much as fits is sent; the rest is refused, and the link stays.
TEST(ServiceBusTest, WhatALinkHasNoRoomForIsRefusedAndTheLinkStays) {
  Zhost z;
  std::size_t came = 0, answered = 0, full = 0;
  z.b->on("zrun.big", [&](const Caller&, stdx::BytesView, Response) { ++came; });
  for (int i = 0; i < 20; ++i)
    z.a->notify(address("", "zrun"), "zrun.big", std::string(1u << 20, 'x'));
  for (int i = 0; i < 20; ++i)
    z.a->request(address("", "zrun"), "zrun.echo", std::string(1u << 20, 'x'), 5s,
                 [&](stdx::Result<stdx::Bytes> got) {
                   ++answered;
                   full += !got && got.error().code == stdx::Code::full;
                 });
  EXPECT_TRUE(z.a->connected());
  EXPECT_TRUE(z.world.run_until_true([&] { return answered == 20; }, 10s));
  z.world.run_for(1s);
  EXPECT_TRUE(z.a->connected());
  EXPECT_GE(came, 10u);
  EXPECT_GE(full, 15u);
  EXPECT_EQ(*z.ask("zrun", "zrun.echo"), "zrms:hi") << "there is room again";
}

TEST(HubTest, ALinkWithoutAProperHelloIsClosed) {
  Zhost zhost;
  simkit::Process stranger(zhost.world, "z0", "x");
  auto transport = zhost.network.transport(stranger, "127.0.0.1");
  bool closed = false;
  std::unique_ptr<ports::Link> link;
  transport->connect(ports::Endpoint::local("zmesh"), [&](auto l) {
    link = std::move(*l);
    link->start({.on_frame = {},
                 .on_closed = [&](const stdx::Error&) { closed = true; },
                 .on_writable = {}});
    link->send(wire::encode_frame(wire::FrameKind::hello, Zhost::hello("zrun", "another")));
  });
  EXPECT_TRUE(zhost.world.run_until_true([&] { return closed; }, 1s));
  EXPECT_TRUE(zhost.hub->has("zrun")) << "the real one stays";
}

TEST(ServiceBusTest, WhatFitsNoFrameIsRefusedAndTheLinkStays) {
  Zhost z;
  z.b->on("zrun.huge", [](const Caller&, stdx::BytesView, Response respond) {
    respond(stdx::Bytes(ports::Link::frame_bytes_max, 'x'));
  });
  EXPECT_EQ(z.ask("zrun", "zrun.huge").error().code, stdx::Code::full);
  std::optional<stdx::Error> why;
  z.a->request(address("", "zrun"), "zrun.echo", stdx::Bytes(ports::Link::frame_bytes_max, 'x'),
               500ms, [&](stdx::Result<stdx::Bytes> r) { why = r.error(); });
  EXPECT_TRUE(z.world.run_until_true([&] { return why.has_value(); }, 2s));
  EXPECT_EQ(why->code, stdx::Code::full);
  EXPECT_TRUE(z.ask("zrun", "zrun.echo")) << "nobody else's requests suffer";
}

}  // namespace
}  // namespace rpc
