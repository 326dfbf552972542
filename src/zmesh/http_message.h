// SPDX-License-Identifier: Apache-2.0
#pragma once

// HTTP requests and responses as a space sees them: `message/http` (RFC 9112), that is the first
// line, the header, an empty line, the body. Pure.

#include "ports/http.h"
#include "stdx/bytes.h"
#include "stdx/result.h"

namespace zmesh {

// What a space gets of the request. Without the headers that are of one connection, and without
// what is not the space's: the cookie of a session at a page (zmesh/pages.h).
stdx::Bytes request_message(const ports::HttpRequest& request);

// What a caller gets of the space's answer: a response, or where it does not begin with "HTTP/1.1 "
// the body of one, as text. Code::invalid: it is no response.
stdx::Result<ports::HttpResponse> response_of(stdx::BytesView answer);

// The trace context of the caller, as it sent it; empty: it sent none.
std::string traceparent_of(const ports::HttpRequest& request);

// In place of an answer of the space.
ports::HttpResponse response_of(const stdx::Error& error);

}  // namespace zmesh
