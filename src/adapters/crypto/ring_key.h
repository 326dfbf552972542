// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::ClusterKey by HMAC-SHA256 with the keys of a KeyRing (wire/key_ring.h), which the control
// plane gives to zmesh and zmesh keeps on disk. It is read anew at most once a second: beats are
// checked by the thousand; while there is none at most ten times, so that a zhost that has just
// joined is heard soon.

#include <functional>
#include <optional>

#include "ports/clock.h"
#include "ports/cluster_key.h"
#include "samoza/v1/join.pb.h"

namespace adapters::crypto {

stdx::Bytes hmac_sha256(stdx::BytesView key, stdx::BytesView message);

class RingKey final : public ports::ClusterKey {
 public:
  static constexpr stdx::Duration read_again_after = std::chrono::seconds(1);
  static constexpr stdx::Duration look_again_after = std::chrono::milliseconds(100);

  using Read = std::function<stdx::Result<samoza::v1::KeyRing>()>;
  RingKey(ports::Clock& clock, Read read);

  stdx::Result<stdx::Bytes> mac(Purpose purpose, stdx::BytesView message) override;
  stdx::Status check(Purpose purpose, stdx::BytesView message, stdx::BytesView said) override;

 private:
  stdx::Status refresh();

  ports::Clock& clock_;
  Read read_;
  std::optional<stdx::Instant> read_at_;
  stdx::Result<samoza::v1::KeyRing> ring_ = stdx::fail(stdx::Code::unavailable, "not read yet");
};

}  // namespace adapters::crypto
