// SPDX-License-Identifier: Apache-2.0
#include "adapters/crypto/token_key.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "stdx/assert.h"
#include "stdx/text.h"

namespace adapters::crypto {

namespace {

constexpr std::string_view purposes[] = {"beat", "link", "registration", "registered", "access"};

}  // namespace

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

TokenKey::TokenKey(ports::Clock& clock, std::function<stdx::Result<std::string>()> read_token)
    : clock_(clock), read_token_(std::move(read_token)) {}

stdx::Status TokenKey::refresh() {
  const auto now = clock_.now();
  if (!read_at_ || now - *read_at_ >= read_again_after) {
    read_at_ = now;
    auto read = read_token_();
    if (read && (!token_ || *read != *token_))
      for (std::size_t i = 0; i < std::size(purposes); ++i)
        keys_[i] = hmac_sha256(*read, stdx::format("samoza/1 {}", purposes[i]));
    // A file that is away for a while takes no running zhost out of the cluster.
    if (read || !token_) token_ = std::move(read);
  }
  if (!token_) return std::unexpected(token_.error());
  return {};
}

stdx::Result<stdx::Bytes> TokenKey::mac(Purpose purpose, stdx::BytesView message) {
  TRY(refresh());
  return hmac_sha256(keys_[static_cast<std::size_t>(purpose)], message);
}

stdx::Status TokenKey::check_token(std::string_view said) {
  TRY(refresh());
  if (stdx::equal_in_constant_time(said, *token_)) return {};
  return stdx::fail(stdx::Code::denied, "the join token is missing or wrong");
}

}  // namespace adapters::crypto
