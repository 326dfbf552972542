// SPDX-License-Identifier: Apache-2.0
#include "wire/json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "stdx/assert.h"
#include "stdx/encoding.h"
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

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

void write_message(std::string& out, const Message& message);

void write_text(std::string& out, const std::string& text) {
  out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Readers that keep numbers as doubles, as JavaScript does, would change larger ones silently.
template <typename Number>
void write_integer(std::string& out, Number value) {
  constexpr std::int64_t exact = 1ll << 53;
  const bool fits = std::cmp_less(value, exact) && std::cmp_greater(value, -exact);
  const auto text = std::to_string(value);
  out += fits ? text : '"' + text + '"';
}

void write_real(std::string& out, double value) {
  if (std::isfinite(value))
    out += stdx::format("{}", value);
  else
    out += std::isnan(value) ? R"("NaN")" : value > 0 ? R"("Infinity")" : R"("-Infinity")";
}

// One value of a field: of a repeated one the value at `index`, else that of the message.
void write_value(std::string& out, const Message& message, const FieldDescriptor& field,
                 int index) {
  const auto& reflection = *message.GetReflection();
  const auto get = [&](auto one, auto of_many) {
    return index < 0 ? (reflection.*one)(message, &field)
                     : (reflection.*of_many)(message, &field, index);
  };
  using R = google::protobuf::Reflection;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return write_integer(out, get(&R::GetInt32, &R::GetRepeatedInt32));
    case FieldDescriptor::CPPTYPE_INT64:
      return write_integer(out, get(&R::GetInt64, &R::GetRepeatedInt64));
    case FieldDescriptor::CPPTYPE_UINT32:
      return write_integer(out, get(&R::GetUInt32, &R::GetRepeatedUInt32));
    case FieldDescriptor::CPPTYPE_UINT64:
      return write_integer(out, get(&R::GetUInt64, &R::GetRepeatedUInt64));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return write_real(out, get(&R::GetDouble, &R::GetRepeatedDouble));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return write_real(out, static_cast<double>(get(&R::GetFloat, &R::GetRepeatedFloat)));
    case FieldDescriptor::CPPTYPE_BOOL:
      out += get(&R::GetBool, &R::GetRepeatedBool) ? "true" : "false";
      return;
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number = get(&R::GetEnumValue, &R::GetRepeatedEnumValue);
      const auto* known = field.enum_type()->FindValueByNumber(number);
      return known == nullptr ? write_integer(out, number) : write_text(out, known->name());
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      const auto text = get(&R::GetString, &R::GetRepeatedString);
      return write_text(
          out, field.type() == FieldDescriptor::TYPE_BYTES ? stdx::base64_encode(text) : text);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return write_message(out, index < 0 ? reflection.GetMessage(message, &field)
                                          : reflection.GetRepeatedMessage(message, &field, index));
  }
}

// Every field in its order; what is not set has its default, a message or `optional` field is left
// out.
void write_message(std::string& out, const Message& message) {
  const auto& type = *message.GetDescriptor();
  const auto& reflection = *message.GetReflection();
  char separator = '{';
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    ASSERT(!field.is_map(), "no message of the API has a map");
    if (!field.is_repeated() && field.has_presence() && !reflection.HasField(message, &field))
      continue;
    out += std::exchange(separator, ',');
    write_text(out, field.name());
    out += ':';
    if (!field.is_repeated()) {
      write_value(out, message, field, -1);
      continue;
    }
    out += '[';
    for (int n = 0; n < reflection.FieldSize(message, &field); ++n) {
      if (n > 0) out += ',';
      write_value(out, message, field, n);
    }
    out += ']';
  }
  out += separator == '{' ? "{}" : "}";
}

}  // namespace

std::string to_json(const google::protobuf::Message& message) {
  std::string json;
  write_message(json, message);
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
