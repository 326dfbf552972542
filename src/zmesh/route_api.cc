// SPDX-License-Identifier: Apache-2.0
#include "zmesh/route_api.h"

#include "model/route.h"
#include "stdx/text.h"
#include "wire/data_frame.h"
#include "zmesh/http_message.h"

namespace zmesh {

namespace {

// Of a space that says none. Its own pages may run scripts; no other page may show them in a frame.
constexpr const char* content_policy =
    "default-src 'self' 'unsafe-inline' data: blob:; frame-ancestors 'none'";

ports::HttpResponse response_to(stdx::Result<v1::SendReply> sent) {
  auto response = ports::HttpResponse{.status = 204, .body = {}, .headers = {}};
  if (!sent) {
    response = response_of(sent.error());
  } else if (sent->outcome() == "answered") {
    auto answered = response_of(sent->answer());
    response = answered ? std::move(*answered) : response_of(answered.error());
    if (!sent->traceparent().empty())
      response.headers.try_emplace("traceparent", sent->traceparent());
  }
  response.headers.try_emplace("content-security-policy", content_policy);
  return response;
}

}  // namespace

const v1::DirectoryEntry* route_of(const Directory& directory, const std::string& path) {
  const v1::DirectoryEntry* found = nullptr;
  model::each_route_of(path, [&](std::string_view route) {
    found = directory.find_route(std::string(route));
    return found != nullptr;
  });
  return found;
}

void answer_route(Service& service, const v1::DirectoryEntry& space,
                  const ports::HttpRequest& request, ports::HttpReply reply) {
  auto message = request_message(request);
  if (message.size() > wire::message_bytes_max) {
    auto refused = response_of(
        stdx::Error{stdx::Code::invalid,
                    stdx::format("the request has {} bytes with its header; {} are allowed",
                                 message.size(), wire::message_bytes_max)});
    refused.status = 413;
    return reply(std::move(refused));
  }
  service.send_http(space, std::move(message), traceparent_of(request),
                    [reply = std::move(reply)](stdx::Result<v1::SendReply> sent) {
                      reply(response_to(std::move(sent)));
                    });
}

}  // namespace zmesh
