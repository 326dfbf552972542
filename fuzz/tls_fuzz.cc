// SPDX-License-Identifier: Apache-2.0
// Attacks what a stranger may say to a port that faces other machines: the first bytes of a
// connection, before anything of it is believed; a certificate and a certificate signing request;
// a join token. Properties: no cut of a ClientHello offers more than the whole; what a stranger
// says never makes a link ready; what is refused as a request is not issued for.
#include <cstddef>
#include <cstdint>

#include "adapters/tls/certifier.h"
#include "adapters/tls/session.h"
#include "fuzz/require.h"
#include "wire/join_token.h"

namespace {

using namespace std::chrono_literals;
using adapters::tls::Session;
using Role = ports::CertificateRole;

struct Cluster {
  adapters::tls::Certifier certifier;
  stdx::WallTime now{std::chrono::seconds(1'800'000'000)};
  ports::KeyAndCertificate authority, own;
  ports::Trust trust;
  adapters::tls::Context context{[this] { return now; }};

  Cluster() {
    authority.key = certifier.make_key();
    authority.certificate =
        *certifier.make_authority(authority.key, "plant", {now - 24h, now + 24h * 3650});
    own.key = certifier.make_key();
    own.certificate = *certifier.issue(authority, *certifier.make_request(own.key),
                                       {{"plant", Role::zhost, "z1"}, {now - 1h, now + 24h}, {}});
    trust = {"plant", {authority.certificate}, {}, 1h};
    REQUIRE(context.use(own, trust));
  }
};

void hello(Cluster& cluster, stdx::BytesView bytes) {
  const auto whole = adapters::tls::offered_protocols(bytes);
  for (std::size_t n = 0; n < bytes.size(); n += 1 + bytes.size() / 16) {
    const auto part = adapters::tls::offered_protocols(bytes.substr(0, n));
    if (part && part->whole) REQUIRE(whole && whole->protocols == part->protocols);
  }
  for (const std::size_t piece : {bytes.size(), std::size_t{7}}) {
    auto server = *Session::make(cluster.context, adapters::tls::Side::server,
                                 {"samoza-peer/1", true, {Role::zhost}});
    std::string kept(bytes), room(1 << 12, '\0');
    bool good = server->begin().has_value();
    for (std::size_t at = 0; good && at < kept.size(); at += piece) {
      good = server->feed(stdx::BytesView(kept).substr(at, piece)).has_value();
      if (good) good = server->read(room.data(), room.size()).has_value();
    }
    REQUIRE(!server->ready());
  }
}

void certificates(Cluster& cluster, const stdx::Bytes& bytes) {
  auto& certifier = cluster.certifier;
  if (const auto read = certifier.read(bytes); !read)
    REQUIRE(!certifier.verify(bytes, {}, cluster.trust, cluster.now));
  if (!certifier.check_request(bytes))
    REQUIRE(!certifier.issue(
        cluster.authority, bytes,
        {{"plant", Role::zhost, "z2"}, {cluster.now, cluster.now + 1h}, {"127.0.0.1"}}));
  const auto hash [[maybe_unused]] = certifier.key_hash(bytes);
  REQUIRE(!certifier.check_signature(*certifier.make_request(cluster.own.key), "text", bytes));
  adapters::tls::Context context{[&] { return cluster.now; }};
  REQUIRE(!context.use({bytes, cluster.own.certificate}, cluster.trust));
  const auto trusted [[maybe_unused]] =
      context.use(cluster.own, {"plant", {cluster.authority.certificate, bytes}, {}, 1h});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Cluster cluster;
  if (size == 0) return 0;
  const stdx::Bytes bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'h':
      hello(cluster, bytes);
      break;
    case 'c':
      certificates(cluster, bytes);
      break;
    case 't':
      (void)wire::parse_join_token(bytes);
      break;
    default:
      break;
  }
  return 0;
}
