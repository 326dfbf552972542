// SPDX-License-Identifier: Apache-2.0
#include "adapters/crypto/crypto.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <memory>

#include "stdx/assert.h"
#include "stdx/encoding.h"

namespace adapters::crypto {
namespace {

using stdx::Code;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

const unsigned char* data_of(stdx::BytesView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

Key private_from(stdx::BytesView seed) {
  return {EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, data_of(seed), seed.size()),
          EVP_PKEY_free};
}

stdx::Bytes raw_public(EVP_PKEY* key) {
  stdx::Bytes bytes(32, '\0');
  std::size_t n = bytes.size();
  ASSERT(EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(bytes.data()), &n) == 1,
         "an Ed25519 key has a public half");
  return bytes;
}

}  // namespace

stdx::Bytes sha256(stdx::BytesView bytes) {
  stdx::Bytes digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(data_of(bytes), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::string sha256_hex(stdx::BytesView bytes) {
  return stdx::hex_encode(sha256(bytes));
}

KeyPair make_key() {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free);
  ASSERT(key != nullptr, "OpenSSL makes an Ed25519 key");
  KeyPair pair;
  pair.private_key.resize(32);
  std::size_t n = 32;
  ASSERT(EVP_PKEY_get_raw_private_key(
             key.get(), reinterpret_cast<unsigned char*>(pair.private_key.data()), &n) == 1,
         "an Ed25519 key has a private half");
  pair.public_key = raw_public(key.get());
  return pair;
}

stdx::Result<stdx::Bytes> public_key_of(stdx::BytesView private_key) {
  const auto key = private_from(private_key);
  if (!key) return stdx::fail(Code::invalid, "not an Ed25519 private key of 32 bytes");
  return raw_public(key.get());
}

stdx::Result<stdx::Bytes> sign(stdx::BytesView private_key, stdx::BytesView message) {
  const auto key = private_from(private_key);
  if (!key) return stdx::fail(Code::invalid, "not an Ed25519 private key of 32 bytes");
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  stdx::Bytes signature(64, '\0');
  std::size_t n = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &n,
                     data_of(message), message.size()) != 1)
    return stdx::fail(Code::failed, "OpenSSL could not sign");
  return signature;
}

bool verify(stdx::BytesView public_key, stdx::BytesView message, stdx::BytesView signature) {
  const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, data_of(public_key),
                                            public_key.size()),
                EVP_PKEY_free);
  if (!key || signature.size() != 64) return false;
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), data_of(signature), signature.size(), data_of(message),
                          message.size()) == 1;
}

}  // namespace adapters::crypto
