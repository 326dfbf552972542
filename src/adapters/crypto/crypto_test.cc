// SPDX-License-Identifier: Apache-2.0
#include "adapters/crypto/crypto.h"

#include <gtest/gtest.h>

#include "stdx/encoding.h"

namespace adapters::crypto {
namespace {

TEST(CryptoTest, TheHashIsSha256) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// RFC 8032, section 7.1, TEST 2.
TEST(CryptoTest, SignaturesAreThoseOfTheRfc) {
  const auto seed =
      *stdx::hex_decode("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  EXPECT_EQ(stdx::hex_encode(*public_key_of(seed)),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(
      stdx::hex_encode(*sign(seed, "\x72")),
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613"
      "d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(CryptoTest, AChangedMessageKeyOrSignatureDoesNotVerify) {
  const auto key = make_key();
  auto signature = *sign(key.private_key, "message");
  EXPECT_TRUE(verify(key.public_key, "message", signature));
  EXPECT_FALSE(verify(key.public_key, "Message", signature));
  EXPECT_FALSE(verify(make_key().public_key, "message", signature));
  signature[3] ^= 1;
  EXPECT_FALSE(verify(key.public_key, "message", signature));
  EXPECT_FALSE(verify("short", "message", signature));
  EXPECT_FALSE(sign("short", "message"));
}

}  // namespace
}  // namespace adapters::crypto
