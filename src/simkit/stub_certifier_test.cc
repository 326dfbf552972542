// SPDX-License-Identifier: Apache-2.0
#include "simkit/stub_certifier.h"

#include "simkit/testing/certifier_contract.h"

namespace simkit {
namespace {

struct MakeStub {
  static std::unique_ptr<ports::Certifier> make() { return std::make_unique<StubCertifier>(); }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Stub, CertifierContract, MakeStub);

TEST(IdentityTest, AUriIsReadOnlyAsItIsWritten) {
  using Role = ports::CertificateRole;
  for (const auto& identity :
       {ports::Identity{"plant", Role::zhost, "z1"}, ports::Identity{"a.b-c_1", Role::data, "z"},
        ports::Identity{"plant", Role::operator_role, "anna"},
        ports::Identity{"plant", Role::control_plane, ""}})
    EXPECT_EQ(*ports::parse_uri(ports::to_uri(identity)), identity);
  for (const char* wrong :
       {"", "samoza://", "samoza://plant", "samoza://plant/zhost", "samoza://plant/zhost/",
        "samoza://plant/zhost/z1/", "samoza://plant/none/z1", "samoza://plant/root/z1",
        "samoza://plant/control-plane/z1", "samoza:///zhost/z1", "samoza://pl ant/zhost/z1",
        "https://plant/zhost/z1", "samoza://plant/zhost/../z2"})
    EXPECT_FALSE(ports::parse_uri(wrong)) << wrong;
}

}  // namespace
}  // namespace simkit
