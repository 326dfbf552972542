// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a service can do with the keys of its cluster (docs/wire.md, "Beats and access tokens")
// without ever holding them: make and check MACs, with keys of their own for each purpose, so that
// what was said for one purpose is worth nothing for another. The control plane makes the keys and
// changes them; for a while the former ones are good, too.
//
// HMAC-SHA256 in a process (adapters/crypto), a stand-in in the simulator. Called from the loop of
// the service that it was given to.

#include <string_view>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace ports {

class ClusterKey {
 public:
  enum class Purpose { beat, access };
  // So much of a MAC is enough.
  static constexpr std::size_t mac_bytes_min = 16;

  virtual ~ClusterKey() = default;
  // With the key that is in use. Code::unavailable while this zhost has none; it is looked for
  // again with later calls.
  virtual stdx::Result<stdx::Bytes> mac(Purpose purpose, stdx::BytesView message) = 0;
  // Code::denied where `said` is not the MAC of `message`, or its first mac_bytes_min bytes or
  // more, by a key that is good; the time it takes tells nothing of it.
  virtual stdx::Status check(Purpose purpose, stdx::BytesView message, stdx::BytesView said) = 0;
};

// The answer where no key fits.
std::unexpected<stdx::Error> no_such_mac(stdx::BytesView said);
// Whether `said` is `mac` or enough of it.
bool same_mac(stdx::BytesView mac, stdx::BytesView said);

}  // namespace ports
