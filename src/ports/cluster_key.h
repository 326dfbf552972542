// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a service can do with the join token of its cluster (docs/wire.md, "Who may join") without
// ever holding it: make and check MACs under keys that are derived from it, one for each purpose,
// so that what was said for one purpose is worth nothing for another.
//
// HMAC-SHA256 in a process (adapters/crypto), a stand-in in the simulator. Called from the loop of
// the service that it was given to.

#include <string_view>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace ports {

class ClusterKey {
 public:
  enum class Purpose { beat, link, registration, registered, access };

  virtual ~ClusterKey() = default;
  // Code::unavailable while there is no token yet; it is looked for again with later calls.
  virtual stdx::Result<stdx::Bytes> mac(Purpose purpose, stdx::BytesView message) = 0;
  // For POST /v1/register with a bearer: good when `said` is the token itself, else Code::denied.
  virtual stdx::Status check_token(std::string_view said) = 0;
};

// Code::denied where `said` is not the MAC of `message`, in a time that tells nothing of it.
stdx::Status check_mac(ClusterKey& key, ClusterKey::Purpose purpose, stdx::BytesView message,
                       stdx::BytesView said);

}  // namespace ports
