// SPDX-License-Identifier: Apache-2.0
#include "config/key_text.h"

#include <gtest/gtest.h>

#include "stdx/encoding.h"

namespace config {
namespace {

const stdx::Bytes key(32, 'k');
const std::string text = stdx::base64_encode(key);

TEST(KeyTextTest, AKeyIsTakenWithTheLineEndsAndBlanksThatEditorsLeave) {
  for (const auto& around : {text, text + "\n", text + "\r\n", text + " \t\n\n", "\n " + text,
                             "\xef\xbb\xbf" + text + "\r\n"})
    EXPECT_EQ(parse_private_key(around, "a.key"), key) << around;
  EXPECT_EQ(parse_public_key(text + "\r\n", "--trust"), key);
}

TEST(KeyTextTest, WhatIsNoKeyIsRefusedWithFileFoundFormAndNeededForm) {
  const std::pair<std::string, const char*> wrong[] = {
      {"", "is empty"},
      {" \r\n", "is empty"},
      {"-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n", "a key in PEM"},
      {"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "a key in PEM"},
      {"-----BEGIN PUBLIC KEY-----\n", "a public key in PEM"},
      {"-----BEGIN OPENSSH PRIVATE KEY-----\n", "an OpenSSH private key"},
      {"ssh-ed25519 AAAAC3Nz user@host\n", "an OpenSSH public key"},
      {"not base64!", "more than one word"},
      {"n$t_base64", "does not hold base64"},
      {text + "\n" + text, "more than one word"},
      {text.substr(0, 20), "bytes in base64 instead of 32"},
      {stdx::base64_encode(stdx::Bytes(64, 'k')), "holds 64 bytes in base64 instead of 32"},
      {std::string(100, '\0'), "does not hold base64"},
  };
  for (const auto& [content, why] : wrong) {
    const auto result = parse_private_key(content, "keys/a.key");
    ASSERT_FALSE(result) << content;
    EXPECT_EQ(result.error().code, stdx::Code::invalid);
    const auto& message = result.error().message;
    EXPECT_TRUE(message.starts_with("keys/a.key ")) << message;
    EXPECT_NE(message.find(why), std::string::npos) << message;
    EXPECT_NE(message.find("mex keygen"), std::string::npos) << message;
    EXPECT_EQ(message.find("BASE64"), std::string::npos) << "the text is not repeated";
  }
}

}  // namespace
}  // namespace config
