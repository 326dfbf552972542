// SPDX-License-Identifier: Apache-2.0
#pragma once

// Requests below the HTTP route of a space (model/route.h): each goes to the space as a message
// from outside, wherever it runs, and what it answers is the response (docs/how-to/answer-http.md).

#include "ports/http.h"
#include "zmesh/service.h"

namespace zmesh {

// The space whose route takes a request of that path; null: none does.
const v1::DirectoryEntry* route_of(const Directory& directory, const std::string& path);

void answer_route(Service& service, const v1::DirectoryEntry& space,
                  const ports::HttpRequest& request, ports::HttpReply reply);

}  // namespace zmesh
