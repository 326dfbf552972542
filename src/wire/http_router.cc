// SPDX-License-Identifier: Apache-2.0
#include "wire/http_router.h"

#include <algorithm>

#include "stdx/assert.h"
#include "stdx/text.h"
#include "wire/json.h"

namespace wire {
namespace {

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> segments;
  for (auto part : stdx::split(path, '/')) segments.emplace_back(part);
  return segments;
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
             std::map<std::string, std::string>& parameters) {
  if (pattern.size() != path.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_parameter(pattern[i])) {
      if (path[i].empty()) return false;
      parameters[pattern[i].substr(1, pattern[i].size() - 2)] = path[i];
    } else if (pattern[i] != path[i]) {
      return false;
    }
  }
  return true;
}

}  // namespace

void HttpRouter::add(std::string_view method, std::string_view pattern, Handler handler) {
  for (const auto& route : routes_)
    ASSERT(route.method != method || route.pattern != pattern, "a route is added once");
  routes_.push_back(
      {std::string(method), std::string(pattern), segments_of(pattern), std::move(handler)});
}

void HttpRouter::route(ports::HttpRequest request, ports::HttpReply reply) const {
  const auto path = segments_of(request.path);
  std::string allowed;
  for (const auto& route : routes_) {
    std::map<std::string, std::string> parameters;
    if (!matches(route.segments, path, parameters)) continue;
    if (route.method == request.method) {
      route.handler({std::move(request), std::move(parameters)}, std::move(reply));
      return;
    }
    allowed += (allowed.empty() ? "" : ", ") + route.method;
  }
  if (allowed.empty()) {
    reply(
        error_response({stdx::Code::not_found,
                        stdx::format("there is no {} here", stdx::printable(request.path, 200))}));
    return;
  }
  auto response =
      error_response({stdx::Code::invalid,
                      stdx::format("{} takes {}", stdx::printable(request.path, 200), allowed)});
  response.status = 405;
  response.headers["Allow"] = allowed;
  reply(std::move(response));
}

std::vector<std::string> HttpRouter::routes() const {
  std::vector<std::string> list;
  for (const auto& route : routes_) list.push_back(route.method + " " + route.pattern);
  std::sort(list.begin(), list.end());
  return list;
}

}  // namespace wire
