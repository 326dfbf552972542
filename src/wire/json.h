// SPDX-License-Identifier: Apache-2.0
#pragma once

// JSON at the HTTP edge, from the same messages, with their original field names.

#include <google/protobuf/message.h>

#include <string>

#include "ports/http.h"
#include "stdx/result.h"

namespace wire {

// Integers are JSON numbers, of any type, below 2^53; from there on, where a double would change
// them, they are text. Bytes are base64, enums their names.
std::string to_json(const google::protobuf::Message& message);

// Strict: unknown fields, wrong types and trailing text are Code::invalid, and say where. An
// integer may be a number or text.
stdx::Status from_json(std::string_view json, google::protobuf::Message& message);

// {"error": {"code": "not_found", "message": "…"}} with the HTTP status that fits the code.
ports::HttpResponse error_response(const stdx::Error& error);
ports::HttpResponse json_response(const google::protobuf::Message& message, int status = 200);
ports::HttpResponse json_response(std::string json, int status = 200);
// The error in a response made by error_response, for clients.
stdx::Error error_from_response(const ports::HttpResponse& response);

}  // namespace wire
