// SPDX-License-Identifier: Apache-2.0
#include "wire/join_token.h"

#include <gtest/gtest.h>

#include "simkit/process.h"
#include "simkit/stub_certifier.h"

namespace wire {
namespace {

struct Tokens : testing::Test {
  simkit::World world{1};
  simkit::Process process{world, "a", "controlplane"};
  JoinToken make(std::vector<std::string> addresses = {"127.0.0.1:9000"}) {
    return make_join_token(process, std::move(addresses), stdx::Bytes(32, 'h'));
  }
};
using JoinTokenTest = Tokens;

TEST_F(JoinTokenTest, ATokenIsReadAsItWasMadeAlsoFromAFile) {
  for (const auto& addresses : {std::vector<std::string>{"127.0.0.1:9000"},
                                {"[::1]:9000", "plant.example:9000", "10.0.0.1:9000"},
                                {}}) {
    const auto token = make(addresses);
    EXPECT_EQ(*parse_join_token(to_text(token)), token);
    EXPECT_EQ(*parse_join_token("  " + to_text(token) + "\r\n"), token);
  }
  EXPECT_NE(make().secret, make().secret);
  EXPECT_NE(make().id, make().id);
  EXPECT_EQ(make().secret.size(), 32u);
}

TEST_F(JoinTokenTest, ATokenThatIsCutOrChangedAnywhereIsRefusedAndNeverRepeatedInTheMessage) {
  const auto text = to_text(make());
  for (std::size_t n = 0; n < text.size(); ++n) {
    const auto parsed = parse_join_token(text.substr(0, n));
    ASSERT_FALSE(parsed) << n;
    EXPECT_EQ(parsed.error().message.find(text.substr(4, 20)), std::string::npos);
  }
  for (std::size_t n = 0; n < text.size(); ++n) {
    auto changed = text;
    changed[n] = changed[n] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(parse_join_token(changed)) << n;
  }
  for (const std::string wrong : {"", "smj_", "smz_aaaa", "-", "smj_!!!!"})
    EXPECT_FALSE(parse_join_token(wrong)) << wrong;
  EXPECT_FALSE(parse_join_token("smj_" + std::string(100'000, 'a')));
}

TEST_F(JoinTokenTest, AnAddressThatIsNoHostAndPortIsRefusedWithItsToken) {
  for (const std::string wrong : {"x\"}", "h:0", "h:65536", "h", ":9000", "a b:1", "h:9000/ws",
                                  "[10.0.0.1]:9000", "::1:9000", "h\n:1", "$(id):1"})
    EXPECT_FALSE(parse_join_token(to_text(make({"10.0.0.1:9000", wrong})))) << wrong;
}

TEST_F(JoinTokenTest, TheSecretIsKeptAsAHash) {
  simkit::StubCertifier certifier;
  const auto token = make();
  const auto hash = secret_hash(certifier, token.secret);
  EXPECT_EQ(hash.size(), 32u);
  EXPECT_EQ(hash, secret_hash(certifier, token.secret));
  EXPECT_NE(hash, secret_hash(certifier, make().secret));
}

}  // namespace
}  // namespace wire
