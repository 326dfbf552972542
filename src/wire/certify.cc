// SPDX-License-Identifier: Apache-2.0
#include "wire/certify.h"

#include "stdx/text.h"

namespace wire {

stdx::Bytes signed_part(const samoza::v1::CertifyRequest& request) {
  stdx::Bytes text = "samoza certify 1";
  // Each with its length, so that they can be read in one way only.
  for (const auto* field : {&request.cluster_id(), &request.zhost(), &request.request(),
                            &request.data_request(), &request.token_id(), &request.former()})
    text += stdx::format(" {}:{}", field->size(), *field);
  text += stdx::format(" {} {}", request.beat_generation(), request.access_generation());
  return text;
}

}  // namespace wire
