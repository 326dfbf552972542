// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a zhost signs when it asks for certificates: everything of the request but the token's
// secret and the signature itself. Pure.

#include "samoza/v1/join.pb.h"
#include "stdx/bytes.h"

namespace wire {

stdx::Bytes signed_part(const samoza::v1::CertifyRequest& request);

}  // namespace wire
