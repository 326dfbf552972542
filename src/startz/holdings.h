// SPDX-License-Identifier: Apache-2.0
#pragma once

// What this zhost was told to run, for a control plane whose records were lost (docs/protocol.md,
// P15): the place commands as they came, in pages that fit a frame.

#include "startz/gatekeeper.h"

namespace startz {

v1::Holdings holdings_of(const Gatekeeper& gatekeeper, const v1::HoldingsRequest& request);

}  // namespace startz
