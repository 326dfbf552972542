// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::ClusterKey by HMAC-SHA256. The key of a purpose is HMAC(token, "samoza/1 <purpose>"), so a
// MAC tells nothing of the token to who cannot guess 32 random bytes. The token is read anew at
// most once a second: beats are checked by the thousand, and a process that began before the token
// was made goes on by itself.

#include <functional>
#include <optional>
#include <string>

#include "ports/clock.h"
#include "ports/cluster_key.h"

namespace adapters::crypto {

stdx::Bytes hmac_sha256(stdx::BytesView key, stdx::BytesView message);

class TokenKey final : public ports::ClusterKey {
 public:
  static constexpr stdx::Duration read_again_after = std::chrono::seconds(1);

  TokenKey(ports::Clock& clock, std::function<stdx::Result<std::string>()> read_token);

  stdx::Result<stdx::Bytes> mac(Purpose purpose, stdx::BytesView message) override;
  stdx::Status check_token(std::string_view said) override;

 private:
  stdx::Status refresh();

  ports::Clock& clock_;
  std::function<stdx::Result<std::string>()> read_token_;
  std::optional<stdx::Instant> read_at_;
  stdx::Result<std::string> token_ = stdx::fail(stdx::Code::unavailable, "not read yet");
  stdx::Bytes keys_[5];  // by purpose, of token_
};

}  // namespace adapters::crypto
