// SPDX-License-Identifier: Apache-2.0
#pragma once

// A stand-in for a key of the cluster: as deterministic as the rest of the simulator, and no secret
// of anything. MACs are equal where purpose, message and token are.

#include <string>
#include <utility>

#include "ports/cluster_key.h"

namespace simkit {

class StubKey final : public ports::ClusterKey {
 public:
  explicit StubKey(std::string secret = "join") : token(std::move(secret)) {}

  std::string token;
  std::string missing;  // why there is no key; empty: there is one

  stdx::Result<stdx::Bytes> mac(Purpose purpose, stdx::BytesView message) override;
  stdx::Status check(Purpose purpose, stdx::BytesView message, stdx::BytesView said) override;
};

}  // namespace simkit
