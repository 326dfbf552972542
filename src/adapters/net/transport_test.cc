// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/transport.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "adapters/loop/loop.h"
#include "adapters/tls/certifier.h"

namespace adapters::net {
namespace {

using namespace std::chrono_literals;
using ports::Endpoint;

using Role = ports::CertificateRole;

// zmesh and zrun of one zhost, which link to themselves.
struct Fixture {
  std::string folder;
  loop::Loop loop;
  tls::Certifier certifier;
  ports::KeyAndCertificate authority;
  tls::Context as_zhost{[this] { return loop.wall(); }}, as_data{[this] { return loop.wall(); }};
  std::vector<std::string> refused;
  std::unique_ptr<NetTransport> transport, zrun;

  Fixture() {
    char name[] = "/tmp/samoza-net-XXXXXX";
    folder = mkdtemp(name);
    authority.key = certifier.make_key();
    authority.certificate =
        *certifier.make_authority(authority.key, "plant", {loop.wall() - 1h, loop.wall() + 1h});
    EXPECT_TRUE(as_zhost.use(make(Role::zhost), trust()));
    EXPECT_TRUE(as_data.use(make(Role::data), trust()));
    const auto make_transport = [&](const tls::Context& identity) {
      return std::make_unique<NetTransport>(
          loop, NetTransport::Options{.run_dir = folder,
                                      .bind_ip = "127.0.0.1",
                                      .hand_data_links_to = "zrun.data",
                                      .identity = &identity,
                                      .on_refused = [this](const auto&, const stdx::Error& why) {
                                        refused.push_back(why.message);
                                      }});
    };
    transport = make_transport(as_zhost);
    zrun = make_transport(as_data);
  }
  ~Fixture() { std::filesystem::remove_all(folder); }

  ports::Trust trust() { return {"plant", {authority.certificate}, {}, 1h}; }
  ports::KeyAndCertificate make(Role role) {
    const auto key = certifier.make_key();
    return {key, *certifier.issue(authority, *certifier.make_request(key),
                                  {{"plant", role, "z1"}, {loop.wall(), loop.wall() + 1h}, {}})};
  }

  // Runs the loop until `done`, with a bound far above what it takes.
  bool run_until(std::function<bool()> done) {
    bool reached = false;
    std::function<void()> look = [&] {
      if (done()) {
        reached = true;
        loop.stop();
      } else {
        loop.after(1ms, [&] { look(); });
      }
    };
    const auto bound = loop.after(20s, [&] { loop.stop(); });
    loop.post([&] { look(); });
    loop.run();
    loop.cancel(bound);
    loop.restart();
    return reached;
  }
};

// An address whose UDP port was free a moment ago; the kernel gives out others next.
Endpoint free_datagram_address() {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(fd);
  return Endpoint::tcp("127.0.0.1", ntohs(address.sin_port));
}

void echo_both_ways(Fixture& f, const Endpoint& listen_at,
                    std::function<Endpoint(std::uint16_t)> connect_to) {
  std::unique_ptr<ports::Link> server, client;
  std::vector<std::string> at_server, at_client;
  bool server_closed = false;
  auto listener = f.transport->listen(listen_at, [&](std::unique_ptr<ports::Link> link) {
    server = std::move(link);
    server->start({.on_frame =
                       [&](stdx::Bytes frame) {
                         at_server.push_back(frame);
                         server->send("re:" + frame);
                       },
                   .on_closed = [&](const stdx::Error&) { server_closed = true; },
                   .on_writable = {}});
  });
  ASSERT_TRUE(listener) << listener.error().message;
  f.transport->connect(connect_to((*listener)->port()), [&](auto link) {
    ASSERT_TRUE(link) << link.error().message;
    client = std::move(*link);
    client->start({.on_frame = [&](stdx::Bytes frame) { at_client.push_back(frame); },
                   .on_closed = {},
                   .on_writable = {}});
    client->send("hello");
    client->send("");
    client->send(std::string(1u << 20, 'x'));
  });
  ASSERT_TRUE(f.run_until([&] { return at_client.size() == 3; }));
  EXPECT_EQ(at_server[0], "hello");
  EXPECT_EQ(at_client[1], "re:");
  EXPECT_EQ(at_server[2].size(), 1u << 20);
  client->send("goodbye");
  client.reset();
  EXPECT_TRUE(f.run_until([&] { return server_closed; }));
  EXPECT_EQ(at_server.back(), "goodbye") << "what was queued goes out before the close";
}

TEST(NetTransportTest, FramesGoBothWaysOverUnixSocketsAndTcp) {
  Fixture f;
  echo_both_ways(f, Endpoint::local("zmesh"), [](auto) { return Endpoint::local("zmesh"); });
  Fixture g;
  echo_both_ways(g, Endpoint::tcp("127.0.0.1", 0),
                 [](auto port) { return Endpoint::tcp("127.0.0.1", port); });
}

TEST(NetTransportTest, AnUrgentFrameGoesAheadOfMegabytesThatWait) {
  for (const bool unix_socket : {true, false}) {
    Fixture f;
    std::unique_ptr<ports::Link> server, client;
    std::vector<std::string> got;
    const auto at = unix_socket ? Endpoint::local("zmesh") : Endpoint::tcp("127.0.0.1", 0);
    auto listener = *f.transport->listen(at, [&](std::unique_ptr<ports::Link> link) {
      server = std::move(link);
      server->start({.on_frame = [&](stdx::Bytes frame) { got.push_back(std::move(frame)); },
                     .on_closed = {},
                     .on_writable = {}});
    });
    const auto to = unix_socket ? at : Endpoint::tcp("127.0.0.1", listener->port());
    f.transport->connect(to, [&](auto link) {
      ASSERT_TRUE(link) << link.error().message;
      client = std::move(*link);
      client->start({});
      for (int i = 0; i < 30; ++i) client->send(std::string(256u << 10, 'r'));
      client->send("lease", ports::Urgency::urgent);
    });
    ASSERT_TRUE(f.run_until([&] { return got.size() == 31; }));
    const auto place = std::ranges::find(got, "lease") - got.begin();
    EXPECT_LT(place, 4) << ports::to_string(to);
  }
}

TEST(NetTransportTest, ADataLinkToThePeerPortReachesTheDataListenerByItsProtocol) {
  Fixture f;
  std::unique_ptr<ports::Link> peer, data, client;
  std::string got;
  auto peers = *f.transport->listen(Endpoint::tcp("127.0.0.1", 0),
                                    [&](std::unique_ptr<ports::Link> l) { peer = std::move(l); });
  auto zrun = *f.zrun->listen(
      Endpoint::data("127.0.0.1", peers->port()), [&](std::unique_ptr<ports::Link> l) {
        data = std::move(l);
        data->start(
            {.on_frame = [&](stdx::Bytes b) { got = b; }, .on_closed = {}, .on_writable = {}});
      });
  f.zrun->connect(Endpoint::data("127.0.0.1", peers->port()), [&](auto link) {
    ASSERT_TRUE(link) << link.error().message;
    client = std::move(*link);
    client->start({});
    client->send("hello");
  });
  ASSERT_TRUE(f.run_until([&] { return !got.empty(); }));
  EXPECT_EQ(got, "hello");
  EXPECT_EQ(peer, nullptr);
  EXPECT_EQ(data->identity(), (ports::Identity{"plant", Role::data, "z1"}));
  EXPECT_EQ(client->identity(), data->identity());
}

TEST(NetTransportTest, ACertificateOfDataLinksOpensNoPeerLinkAndTheOtherWayRound) {
  Fixture f;
  std::size_t accepted = 0;
  const auto take = [&](std::unique_ptr<ports::Link>) { ++accepted; };
  auto peers = *f.transport->listen(Endpoint::tcp("127.0.0.1", 0), take);
  auto zrun = *f.zrun->listen(Endpoint::data("127.0.0.1", peers->port()), take);
  std::vector<std::string> why;
  std::vector<std::unique_ptr<ports::Link>> links;
  const auto note = [&](auto link) {
    if (!link) return why.push_back(link.error().message);
    links.push_back(std::move(*link));
    links.back()->start({.on_frame = {},
                         .on_closed = [&](const stdx::Error& e) { why.push_back(e.message); },
                         .on_writable = {}});
  };
  f.zrun->connect(Endpoint::tcp("127.0.0.1", peers->port()), note);
  f.transport->connect(Endpoint::data("127.0.0.1", peers->port()), note);
  ASSERT_TRUE(f.run_until([&] { return why.size() == 2; }));
  EXPECT_EQ(accepted, 0u);
  for (const auto& text : why)
    EXPECT_NE(text.find("the other side refused"), std::string::npos) << text;
  ASSERT_EQ(f.refused.size(), 2u);
  for (const auto& text : f.refused)
    EXPECT_NE(text.find("is needed here"), std::string::npos) << text;
}

TEST(NetTransportTest, NobodyGetsALinkWithoutAGoodCertificateAndTheReasonIsTold) {
  Fixture f;
  std::size_t accepted = 0;
  auto listener = *f.transport->listen(Endpoint::tcp("127.0.0.1", 0),
                                       [&](std::unique_ptr<ports::Link>) { ++accepted; });
  const auto to = Endpoint::tcp("127.0.0.1", listener->port());
  Fixture stranger;  // another authority
  std::string at_client;
  stranger.transport->connect(to, [&](auto link) { at_client = link.error().message; });
  std::function<void()> other;
  // Both loops run in turn.
  ASSERT_TRUE(f.run_until([&] {
    stranger.run_until([&] { return true; });
    return !at_client.empty() && !f.refused.empty();
  }));
  EXPECT_NE(at_client.find("not signed by this cluster's authority"), std::string::npos);
  EXPECT_EQ(accepted, 0u);
  // Plain text, garbage, and somebody who leaves.
  for (const char* text :
       {"GET / HTTP/1.1\\r\\n\\r\\n", "\\026\\003\\001\\000\\004\\001\\000\\000\\000", "\\026"}) {
    const auto before = f.refused.size();
    const auto script = "exec 3<>/dev/tcp/127.0.0.1/" + std::to_string(listener->port()) +
                        "; printf '" + text + "' >&3";
    FILE* raw = popen(("bash -c \"" + script + "\"").c_str(), "r");
    EXPECT_TRUE(f.run_until([&] { return f.refused.size() > before; })) << text;
    pclose(raw);
  }
  EXPECT_EQ(accepted, 0u);
}

// They hold places until a handshake is over; the one that has been silent for longest leaves.
TEST(NetTransportTest, ConnectionsThatSayNothingKeepNoZhostOut) {
  Fixture f;
  std::unique_ptr<ports::Link> server, client;
  auto listener = f.transport->listen(Endpoint::tcp("127.0.0.1", 0),
                                      [&](auto link) { server = std::move(link); });
  ASSERT_TRUE(listener);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((*listener)->port());
  std::vector<int> silent;
  for (int i = 0; i < 300; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    silent.push_back(fd);
    // Half of them say a ClientHello that never ends.
    if (i % 2 == 0) {
      const char begun[] = "\x16\x03\x01\x02";
      EXPECT_GT(send(fd, begun, sizeof begun - 1, MSG_NOSIGNAL), 0);
    }
    f.loop.post([&] { f.loop.stop(); });
    f.loop.run();
    f.loop.restart();
  }
  ASSERT_TRUE(f.run_until([&] { return f.refused.size() >= 200; })) << f.refused.size();
  f.transport->connect(Endpoint::tcp("127.0.0.1", (*listener)->port()), [&](auto link) {
    ASSERT_TRUE(link) << link.error().message;
    client = std::move(*link);
  });
  EXPECT_TRUE(f.run_until([&] { return server && client; }));
  for (const int fd : silent) close(fd);
}

TEST(NetTransportTest, ThePlainBytesOfALinkAreNotOnTheWire) {
  Fixture f;
  // A relay that keeps what passes.
  const int relay = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(relay, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(relay, 1), 0);
  ASSERT_EQ(getsockname(relay, reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::unique_ptr<ports::Link> server, client;
  std::string got, seen;
  auto listener = *f.transport->listen(Endpoint::tcp("127.0.0.1", 0), [&](auto link) {
    server = std::move(link);
    server->start(
        {.on_frame = [&](stdx::Bytes frame) { got = frame; }, .on_closed = {}, .on_writable = {}});
  });
  f.transport->connect(Endpoint::tcp("127.0.0.1", ntohs(address.sin_port)), [&](auto link) {
    ASSERT_TRUE(link) << link.error().message;
    client = std::move(*link);
    client->start({});
    client->send("a secret payload");
  });
  int in = -1;
  const int out = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_port = htons(listener->port());
  ASSERT_EQ(connect(out, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_TRUE(f.run_until([&] {
    if (in < 0) in = accept4(relay, nullptr, nullptr, SOCK_NONBLOCK);
    char bytes[4096];
    for (const auto& [from, to] : {std::pair{in, out}, {out, in}})
      if (const auto n = recv(from, bytes, sizeof bytes, MSG_DONTWAIT); n > 0) {
        seen.append(bytes, static_cast<std::size_t>(n));
        EXPECT_EQ(send(to, bytes, static_cast<std::size_t>(n), 0), n);
      }
    return !got.empty();
  }));
  EXPECT_EQ(got, "a secret payload");
  EXPECT_GT(seen.size(), 500u);
  EXPECT_EQ(seen.find("secret"), std::string::npos);
  EXPECT_EQ(seen.find("z1"), std::string::npos) << "certificates are encrypted, too";
  for (const int fd : {relay, in, out}) close(fd);
}

TEST(NetTransportTest, AFrameThatAnnounces4GiBEndsTheLinkAndTakesNoMemory) {
  Fixture f;
  std::unique_ptr<ports::Link> server;
  std::string why;
  auto listener = *f.transport->listen(Endpoint::local("zmesh"), [&](auto link) {
    server = std::move(link);
    server->start({.on_frame = {},
                   .on_closed = [&](const stdx::Error& e) { why = e.message; },
                   .on_writable = {}});
  });
  // A raw client, as our own never sends such a length.
  const int raw = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = f.transport->socket_path("zmesh");
  std::copy(path.begin(), path.end(), address.sun_path);
  ASSERT_EQ(connect(raw, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(send(raw, "\377\377\377\377\004", 5, 0), 5);
  EXPECT_TRUE(f.run_until([&] { return !why.empty(); }));
  EXPECT_NE(why.find("4294967295"), std::string::npos) << why;
  server.reset();
  close(raw);
}

TEST(NetTransportTest, ABusyPortIsNamedWithTheProcessThatHoldsIt) {
  Fixture f;
  auto first = *f.transport->listen(Endpoint::tcp("127.0.0.1", 0), [](auto) {});
  const auto second = f.transport->listen(Endpoint::tcp("127.0.0.1", first->port()), [](auto) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, stdx::Code::already_exists);
  EXPECT_NE(second.error().message.find("(pid " + std::to_string(getpid()) + ")"),
            std::string::npos)
      << second.error().message;
}

TEST(NetTransportTest, PlainHttpIsAnsweredOnLoopbackOnly) {
  for (const char* ip : {"0.0.0.0", "10.1.2.3", "::"}) {
    const auto good = check_plain_address(ip);
    ASSERT_FALSE(good) << ip;
    EXPECT_EQ(good.error().code, stdx::Code::denied);
    EXPECT_NE(good.error().message.find("loopback only"), std::string::npos);
  }
  for (const char* ip : {"127.0.0.1", "127.9.8.7", "::1"}) EXPECT_TRUE(check_plain_address(ip));
  EXPECT_EQ(check_plain_address("localhost").error().code, stdx::Code::invalid);
}

TEST(NetTransportTest, ADatagramArrivesOverIpv6AndAClosedPortAnswersRefused) {
  Fixture f;
  std::string got;
  Endpoint refused, from;
  auto receiver = f.transport->bind_datagram(Endpoint::tcp("::1", 45'677),
                                             {.on_datagram =
                                                  [&](const Endpoint& at, stdx::Bytes b) {
                                                    from = at;
                                                    got = b;
                                                  },
                                              .on_refused = {}});
  if (!receiver) GTEST_SKIP() << "no IPv6 here: " << receiver.error().message;
  auto sender = *f.transport->bind_datagram(
      Endpoint::tcp("::1", 45'678),
      {.on_datagram = {}, .on_refused = [&](const Endpoint& to) { refused = to; }});
  sender->send(Endpoint::tcp("::1", 45'677), "beat");
  EXPECT_TRUE(f.run_until([&] { return got == "beat"; }));
  EXPECT_EQ(from, Endpoint::tcp("::1", 45'678));
  receiver->reset();
  sender->send(Endpoint::tcp("::1", 45'677), "beat");
  EXPECT_TRUE(f.run_until([&] { return refused.port == 45'677; }));
}

TEST(NetTransportTest, ADatagramArrivesAndAClosedPortAnswersRefused) {
  Fixture f;
  std::string got;
  Endpoint refused;
  const auto at = free_datagram_address();
  auto receiver = *f.transport->bind_datagram(
      at, {.on_datagram = [&](const Endpoint&, stdx::Bytes b) { got = b; }, .on_refused = {}});
  auto sender = *f.transport->bind_datagram(
      free_datagram_address(),
      {.on_datagram = {}, .on_refused = [&](const Endpoint& to) { refused = to; }});
  sender->send(at, "beat");
  EXPECT_TRUE(f.run_until([&] { return got == "beat"; }));
  receiver.reset();
  sender->send(at, "beat");
  EXPECT_TRUE(f.run_until([&] { return refused.port == at.port; }));
}

TEST(NetTransportTest, AFloodOfDatagramsTakesTurnsWithTheRestOfTheLoop) {
  Fixture f;
  int got = 0, got_before_task = 0;
  const auto at = free_datagram_address();
  auto receiver =
      *f.transport->bind_datagram(at, {.on_datagram =
                                           [&](const Endpoint&, const stdx::Bytes&) {
                                             if (++got == 1)
                                               f.loop.post([&] { got_before_task = got; });
                                           },
                                       .on_refused = {}});
  auto sender = *f.transport->bind_datagram(free_datagram_address(), {});
  for (int i = 0; i < 150; ++i) sender->send(at, "flood");
  EXPECT_TRUE(f.run_until([&] { return got > 100 && got_before_task > 0; }));
  EXPECT_LE(got_before_task, 64);
}

TEST(NetTransportTest, AQueueThatWentDownIsToldOnceAndOnlyWhereItHadBeenAbove) {
  Fixture f;
  std::unique_ptr<ports::Link> server, client;
  auto listener = f.transport->listen(Endpoint::tcp("127.0.0.1", 0),
                                      [&](auto link) { server = std::move(link); });
  ASSERT_TRUE(listener);
  int writable = 0;
  std::size_t queued_then = 0, received = 0;
  f.transport->connect(Endpoint::tcp("127.0.0.1", (*listener)->port()), [&](auto link) {
    client = std::move(*link);
    client->start({.on_frame = {},
                   .on_closed = {},
                   .on_writable =
                       [&] {
                         ++writable;
                         queued_then = client->queued_bytes();
                       },
                   .writable_below = 1u << 20});
    client->send("small");
  });
  ASSERT_TRUE(f.run_until([&] { return server && client && client->queued_bytes() == 0; }));
  EXPECT_EQ(writable, 0);
  // More than the kernel takes of a reader that does not read.
  constexpr std::size_t bytes = 15u << 20;
  for (std::size_t i = 0; i < 15; ++i) client->send(std::string(1u << 20, 'x'));
  EXPECT_GT(client->queued_bytes(), 1u << 20);
  server->start({.on_frame = [&](const stdx::Bytes& frame) { received += frame.size(); },
                 .on_closed = {},
                 .on_writable = {}});
  ASSERT_TRUE(f.run_until([&] { return received == bytes + 5; }));
  EXPECT_EQ(writable, 1);
  EXPECT_LT(queued_then, 1u << 20);
}

TEST(NetTransportTest, SocketsOfAZhostAreForItsUserOnly) {
  Fixture f;
  auto listener = *f.transport->listen(Endpoint::local("zmesh"), [](auto) {});
  struct stat info{};
  ASSERT_EQ(stat((f.folder + "/zmesh.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(f.transport->listen(Endpoint::local("zmesh"), [](auto) {}).error().code,
            stdx::Code::already_exists);
}

}  // namespace
}  // namespace adapters::net
