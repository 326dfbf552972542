// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/transport.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "adapters/loop/loop.h"
#include "samoza/v1/cluster.pb.h"
#include "wire/frame.h"

namespace adapters::net {
namespace {

using namespace std::chrono_literals;
using ports::Endpoint;

struct Fixture {
  std::string folder;
  loop::Loop loop;
  std::unique_ptr<NetTransport> transport;

  Fixture() {
    char name[] = "/tmp/samoza-net-XXXXXX";
    folder = mkdtemp(name);
    transport = std::make_unique<NetTransport>(
        loop, NetTransport::Options{folder, "127.0.0.1", "zrun.data"});
  }
  ~Fixture() { std::filesystem::remove_all(folder); }

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

TEST(NetTransportTest, ADataLinkToThePeerPortReachesTheDataListener) {
  Fixture f;
  std::unique_ptr<ports::Link> peer, data, client;
  std::string got;
  auto peers = *f.transport->listen(Endpoint::tcp("127.0.0.1", 0),
                                    [&](std::unique_ptr<ports::Link> l) { peer = std::move(l); });
  auto zrun = *f.transport->listen(
      Endpoint::data("127.0.0.1", peers->port()), [&](std::unique_ptr<ports::Link> l) {
        data = std::move(l);
        data->start(
            {.on_frame = [&](stdx::Bytes b) { got = b; }, .on_closed = {}, .on_writable = {}});
      });
  f.transport->connect(Endpoint::data("127.0.0.1", peers->port()), [&](auto link) {
    client = std::move(*link);
    client->start({});
    client->send(wire::encode_frame(wire::FrameKind::data_hello, samoza::v1::PeerHello()));
  });
  ASSERT_TRUE(f.run_until([&] { return !got.empty(); }));
  EXPECT_EQ(wire::frame_kind(got), wire::FrameKind::data_hello);
  EXPECT_EQ(peer, nullptr);
}

TEST(NetTransportTest, AFrameThatAnnounces4GiBEndsTheLinkAndTakesNoMemory) {
  Fixture f;
  std::unique_ptr<ports::Link> server;
  std::string why;
  auto listener = *f.transport->listen(Endpoint::tcp("127.0.0.1", 0), [&](auto link) {
    server = std::move(link);
    server->start({.on_frame = {},
                   .on_closed = [&](const stdx::Error& e) { why = e.message; },
                   .on_writable = {}});
  });
  // A raw client, as our own never sends such a length.
  const auto script = "exec 3<>/dev/tcp/127.0.0.1/" + std::to_string(listener->port()) +
                      "; printf '\\377\\377\\377\\377\\004' >&3; cat <&3 >/dev/null";
  FILE* raw = popen(("bash -c \"" + script + "\"").c_str(), "r");
  EXPECT_TRUE(f.run_until([&] { return !why.empty(); }));
  EXPECT_NE(why.find("4294967295"), std::string::npos) << why;
  server.reset();
  pclose(raw);
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

TEST(NetTransportTest, ListeningOffLoopbackIsRefusedUntilThereIsMutualTls) {
  Fixture f;
  for (auto ip : {"0.0.0.0", "10.1.2.3", "::"}) {
    const auto result = f.transport->listen(Endpoint::tcp(ip, 0), [](auto) {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, stdx::Code::denied);
    EXPECT_NE(result.error().message.find("mutual TLS"), std::string::npos);
  }
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
