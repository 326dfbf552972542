// SPDX-License-Identifier: Apache-2.0
#include "adapters/crypto/ring_key.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "stdx/assert.h"
#include "wire/key_ring.h"

namespace adapters::crypto {

stdx::Bytes hmac_sha256(stdx::BytesView key, stdx::BytesView message) {
  stdx::Bytes mac(32, '\0');
  unsigned int size = 0;
  ASSERT(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
              reinterpret_cast<const unsigned char*>(message.data()), message.size(),
              reinterpret_cast<unsigned char*>(mac.data()), &size) != nullptr &&
             size == mac.size(),
         "OpenSSL makes an HMAC-SHA256");
  return mac;
}

RingKey::RingKey(ports::Clock& clock, Read read) : clock_(clock), read_(std::move(read)) {}

stdx::Status RingKey::refresh() {
  const auto now = clock_.now();
  if (!read_at_ || now - *read_at_ >= (ring_ ? read_again_after : look_again_after)) {
    read_at_ = now;
    auto read = read_();
    // A file that is away for a while takes no running zhost out of the cluster.
    if (read || !ring_) ring_ = std::move(read);
  }
  if (!ring_) return std::unexpected(ring_.error());
  return {};
}

stdx::Result<stdx::Bytes> RingKey::mac(Purpose purpose, stdx::BytesView message) {
  TRY(refresh());
  const auto* key = wire::key_in_use(*ring_, purpose, clock_.wall());
  if (key == nullptr) return stdx::fail(stdx::Code::unavailable, "this zhost has no keys yet");
  return hmac_sha256(key->secret(), message);
}

stdx::Status RingKey::check(Purpose purpose, stdx::BytesView message, stdx::BytesView said) {
  TRY(refresh());
  for (const auto* key : wire::good_keys(*ring_, purpose, clock_.wall()))
    if (ports::same_mac(hmac_sha256(key->secret(), message), said)) return {};
  return ports::no_such_mac(said);
}

}  // namespace adapters::crypto
