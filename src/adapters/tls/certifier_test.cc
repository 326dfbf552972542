// SPDX-License-Identifier: Apache-2.0
#include "adapters/tls/certifier.h"

#include "simkit/testing/certifier_contract.h"

namespace adapters::tls {
namespace {

using namespace std::chrono_literals;
using Role = ports::CertificateRole;

struct MakeOpenSsl {
  static std::unique_ptr<ports::Certifier> make() { return std::make_unique<Certifier>(); }
};

const stdx::WallTime now{std::chrono::seconds(1'800'000'000)};

TEST(CertifierTest, AddressesOfTheControlPlaneCannotSayMoreThanAddresses) {
  Certifier certifier;
  const auto key = certifier.make_key();
  const ports::KeyAndCertificate authority{
      key, *certifier.make_authority(key, "plant", {now, now + 24h})};
  const auto request = *certifier.make_request(certifier.make_key());
  const ports::Certifier::Issue issue{
      {"plant", Role::control_plane, ""}, {now, now + 1h}, {"127.0.0.1", "localhost", "::1"}};
  EXPECT_TRUE(certifier.issue(authority, request, issue));
  for (const char* wrong : {"", "a,URI:samoza://plant/zhost/z1", "a b", "dirName:x;"}) {
    auto changed = issue;
    changed.addresses = {wrong};
    EXPECT_FALSE(certifier.issue(authority, request, changed)) << wrong;
  }
  auto changed = issue;
  changed.identity = {"plant", Role::zhost, "z1,URI:samoza://plant/zhost/z2"};
  EXPECT_FALSE(certifier.issue(authority, request, changed));
  changed.identity = {"plant", Role::none, ""};
  EXPECT_FALSE(certifier.issue(authority, request, changed));
}

}  // namespace
}  // namespace adapters::tls

namespace simkit {
INSTANTIATE_TYPED_TEST_SUITE_P(OpenSsl, CertifierContract, adapters::tls::MakeOpenSsl);
}
