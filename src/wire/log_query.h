// SPDX-License-Identifier: Apache-2.0
#pragma once

// What GET …/spaces/{name}/logs asks for, of zmesh and of zrun:
// ?topology=&all=1&after=EPOCH.RUN.SEQ

#include <string>

#include "ports/http.h"
#include "samoza/v1/api.pb.h"
#include "stdx/result.h"

namespace wire {

stdx::Result<samoza::v1::SpaceDetailRequest> log_query(const ports::HttpRequest& request,
                                                       const std::string& space);

}  // namespace wire
