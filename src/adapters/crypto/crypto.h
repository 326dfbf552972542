// SPDX-License-Identifier: Apache-2.0
#pragma once

// SHA-256 and Ed25519 by OpenSSL 3. Keys and signatures are raw bytes (32 and 64).

#include <string>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace adapters::crypto {

stdx::Bytes sha256(stdx::BytesView bytes);
std::string sha256_hex(stdx::BytesView bytes);

struct KeyPair {
  stdx::Bytes private_key;  // 32 bytes: the seed
  stdx::Bytes public_key;   // 32 bytes
};
KeyPair make_key();
stdx::Result<stdx::Bytes> public_key_of(stdx::BytesView private_key);
stdx::Result<stdx::Bytes> sign(stdx::BytesView private_key, stdx::BytesView message);
// False for a wrong signature and for a key or signature of a wrong length.
bool verify(stdx::BytesView public_key, stdx::BytesView message, stdx::BytesView signature);

}  // namespace adapters::crypto
