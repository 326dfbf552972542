// SPDX-License-Identifier: Apache-2.0
#include "wire/json.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>

#include "stdx/assert.h"
#include "stdx/text.h"

namespace wire {
namespace {

int http_status(stdx::Code code) {
  switch (code) {
    case stdx::Code::invalid:
      return 400;
    case stdx::Code::not_found:
      return 404;
    case stdx::Code::already_exists:
    case stdx::Code::conflict:
    case stdx::Code::stale:
      return 409;
    case stdx::Code::denied:
      return 403;
    case stdx::Code::unavailable:
      return 503;
    case stdx::Code::timeout:
    case stdx::Code::unknown:
      return 504;
    case stdx::Code::full:
      return 429;
    case stdx::Code::unsupported:
      return 501;
    case stdx::Code::corrupt:
      return 422;
    case stdx::Code::failed:
      return 500;
  }
  return 500;
}

}  // namespace

std::string to_json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  ASSERT(status.ok(), "an own message can be written as JSON");
  return json;
}

stdx::Status from_json(std::string_view json, google::protobuf::Message& message) {
  // nlohmann checks what protobuf's parser lets pass: trailing text, depth, duplicate syntax.
  const auto depth_check = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    return depth <= 32;
  };
  const auto tree = nlohmann::json::parse(json, depth_check, /*allow_exceptions=*/false);
  if (tree.is_discarded() || !tree.is_object())
    return stdx::fail(stdx::Code::invalid, "the body is not one JSON object");
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = false;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &message, options);
  if (!status.ok())
    return stdx::fail(
        stdx::Code::invalid,
        stdx::format("the body is no {}: {}", message.GetDescriptor()->name(),
                     stdx::printable(
                         std::string_view(status.message().data(), status.message().size()), 300)));
  return {};
}

ports::HttpResponse error_response(const stdx::Error& error) {
  nlohmann::json body;
  body["error"]["code"] = stdx::to_string(error.code);
  body["error"]["message"] = error.message;
  return json_response(body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                       http_status(error.code));
}

ports::HttpResponse json_response(const google::protobuf::Message& message, int status) {
  return json_response(to_json(message), status);
}

ports::HttpResponse json_response(std::string json, int status) {
  ports::HttpResponse response;
  response.status = status;
  response.body = std::move(json);
  response.body += '\n';
  return response;
}

stdx::Error error_from_response(const ports::HttpResponse& response) {
  const auto tree = nlohmann::json::parse(response.body, nullptr, false);
  stdx::Error error{stdx::Code::failed, stdx::format("HTTP status {}", response.status)};
  if (tree.is_object() && tree.contains("error") && tree["error"].is_object()) {
    const auto& inner = tree["error"];
    if (inner.contains("message") && inner["message"].is_string())
      error.message = inner["message"].get<std::string>();
    for (int code = 1; code <= 13; ++code)
      if (inner.value("code", "") == stdx::to_string(static_cast<stdx::Code>(code)))
        error.code = static_cast<stdx::Code>(code);
  }
  return error;
}

}  // namespace wire
