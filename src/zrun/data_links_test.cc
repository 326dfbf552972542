// SPDX-License-Identifier: Apache-2.0
#include "zrun/data_links.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "simkit/network.h"
#include "simkit/stub_certifier.h"
#include "simkit/stub_identity.h"

namespace zrun {
namespace {

using namespace std::chrono_literals;

v1::PeerHello hello_of(const std::string& zhost) {
  v1::PeerHello hello;
  hello.set_cluster_id("test");
  hello.set_zhost(zhost);
  hello.set_incarnation(1);
  return hello;
}

// The data links of one zhost, whose only peer is `other`.
struct Side {
  std::vector<std::string> warnings;
  simkit::Process process;
  ports::Runtime runtime = process.runtime();
  std::unique_ptr<ports::Transport> transport;
  DataLinks links;

  Side(simkit::World& world, simkit::Network& network, const std::string& id, const std::string& ip,
       const std::string& other, const std::string& other_ip)
      : process(world, id, "zrun",
                [this](const simkit::Process&, ports::Level level, std::string_view event,
                       ports::Fields) {
                  if (level == ports::Level::warn) warnings.emplace_back(event);
                }),
        transport(network.transport(process, ip)),
        links(runtime, *transport, hello_of(id), ports::Endpoint::data(ip, 9201)) {
    network.add_address(ip, id);
    if (!other.empty()) network.add_address(other_ip, other);
    EXPECT_TRUE(links.start());
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

TEST(DataLinksTest, APeerLinksCertificateOpensNoDataLink) {
  simkit::World world{7};
  simkit::Network network{world};
  simkit::StubCertifier certifier;
  simkit::Process clock(world, "x", "clock");
  const auto key = certifier.make_key();
  const auto now = clock.wall();
  const ports::KeyAndCertificate authority{
      key, *certifier.make_authority(key, "test", {now - 1h, now + 1h})};
  const auto identity_of = [&](ports::CertificateRole role, const std::string& zhost) {
    auto identity = std::make_unique<simkit::StubIdentity>(certifier, clock);
    const auto own = certifier.make_key();
    EXPECT_TRUE(
        identity->use({own, *certifier.issue(authority, *certifier.make_request(own),
                                             {{"test", role, zhost}, {now - 1h, now + 1h}, {}})},
                      {"test", {authority.certificate}, {}, 1h}));
    return identity;
  };
  const auto data = identity_of(ports::CertificateRole::data, "b");
  simkit::Process process(world, "b", "zrun"), other(world, "a", "zrun");
  auto runtime = process.runtime();
  network.add_address("127.0.0.1", "b");
  const auto transport = network.transport(process, "127.0.0.1", data.get());
  DataLinks links(runtime, *transport, hello_of("b"), ports::Endpoint::data("127.0.0.1", 9201));
  ASSERT_TRUE(links.start());
  for (const auto role : {ports::CertificateRole::zhost, ports::CertificateRole::data}) {
    const auto identity = identity_of(role, "a");
    const auto caller = network.transport(other, "127.0.0.2", identity.get());
    std::optional<bool> linked;
    caller->connect(ports::Endpoint::data("127.0.0.1", 9201),
                    [&](auto link) { linked = link.has_value(); });
    EXPECT_TRUE(world.run_until_true([&] { return linked.has_value(); }, 5s));
    EXPECT_EQ(*linked, role == ports::CertificateRole::data);
  }
}

}  // namespace
}  // namespace zrun
