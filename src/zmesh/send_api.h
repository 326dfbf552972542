// SPDX-License-Identifier: Apache-2.0
#pragma once

// POST /v1/spaces/send in its two forms: a SendRequest as JSON, answered with a SendReply; or, with
// ?to=TOPOLOGY/SPACE[&wait=1][&timeout_ms=N], a body of any kind that is the message, with the id
// in the header Idempotency-Key, answered with what the space answers as the body.

#include "ports/http.h"
#include "zmesh/service.h"

namespace zmesh {

void send_message(Service& service, const ports::HttpRequest& request, ports::HttpReply reply);

}  // namespace zmesh
