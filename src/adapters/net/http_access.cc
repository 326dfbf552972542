// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/http_access.h"

#include <algorithm>
#include <cctype>

#include "stdx/text.h"
#include "wire/json.h"

namespace adapters::net {
namespace {

std::string header(const ports::HttpRequest& request, const char* name) {
  const auto at = request.headers.find(name);
  return at == request.headers.end() ? "" : at->second;
}

bool listed(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

ports::HttpResponse refusal(int status, std::string message) {
  auto response = wire::error_response({stdx::Code::denied, std::move(message)});
  response.status = status;
  return response;
}

}  // namespace

bool HttpAccess::is_our_host(std::string_view host) const {
  const auto port = ":" + std::to_string(options_.port);
  const auto is = [&](const std::string& name) {
    return host == (name.find(':') == std::string::npos ? name : "[" + name + "]") + port;
  };
  return is(options_.ip) || is("localhost") || is("127.0.0.1") ||
         std::any_of(options_.more_hosts.begin(), options_.more_hosts.end(), is);
}

static std::string bearer_of(const ports::HttpRequest& request) {
  constexpr std::string_view scheme = "bearer ";  // its case says nothing (RFC 9110, 11.1)
  const auto value = header(request, "authorization");
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  if (value.size() < scheme.size() || !std::equal(scheme.begin(), scheme.end(), value.begin(),
                                                  [&](char a, char b) { return same(b, a); }))
    return "";
  const auto from = value.find_first_not_of(' ', scheme.size());
  return from == std::string::npos ? "" : value.substr(from);
}

bool HttpAccess::has_our_token(const ports::HttpRequest& request) const {
  const auto said = bearer_of(request);
  return stdx::equal_in_constant_time(said, options_.token) ||
         said.starts_with(wire::access_token_prefix);
}

stdx::Result<HttpAccess::Caller> HttpAccess::identify(const ports::HttpRequest& request,
                                                      stdx::WallTime wall) const {
  using stdx::Code;
  constexpr const char* get_one =
      "On this zhost zshell finds the operator token in run_dir/token; from elsewhere, ask an "
      "operator for one (`zshell cluster token create`) and give it to zshell with --token-file "
      "or SAMOZA_TOKEN";
  const auto said = bearer_of(request);
  if (said.empty()) return stdx::fail(Code::denied, stdx::format("no token was sent. {}", get_one));
  if (stdx::equal_in_constant_time(said, options_.token))
    return Caller{wire::Role::admin, "operator of zhost " + options_.zhost, ""};
  if (options_.key == nullptr || !said.starts_with(wire::access_token_prefix))
    return stdx::fail(Code::denied, stdx::format("this token is not known here. {}", get_one));
  auto token = wire::check_access_token(*options_.key, said, wall);
  if (!token && token.error().code != Code::denied)
    return stdx::fail(Code::unavailable,
                      "access tokens cannot be checked here yet: " + token.error().message);
  if (!token)
    return stdx::fail(Code::denied, stdx::format("this token is refused: {}. {}",
                                                 token.error().message, get_one));
  if (options_.revoked != nullptr && options_.revoked->contains(token->id))
    return stdx::fail(Code::denied, stdx::format("token {} was revoked. {}", token->id, get_one));
  if (token->role == wire::Role::page)
    return stdx::fail(Code::denied,
                      stdx::format("a page's session opens that page alone. {}", get_one));
  return Caller{token->role, "token " + token->id, token->scope, token->expires};
}

std::optional<ports::HttpResponse> HttpAccess::check(ports::HttpRequest& request,
                                                     stdx::WallTime wall) {
  // Processes ask there, and a page in a browser, which says where it is from, never does.
  if (listed(options_.join_paths, request.path))
    return header(request, "origin").empty()
               ? std::nullopt
               : std::optional(refusal(403, "pages may not ask here"));
  if (!is_our_host(header(request, "host")))
    return refusal(421, stdx::format("this is {}:{}; the Host header names another", options_.ip,
                                     options_.port));
  const auto origin = header(request, "origin");
  if (!origin.empty() &&
      (!origin.starts_with("http://") || !is_our_host(std::string_view(origin).substr(7))))
    return refusal(403, "pages of other origins may not ask here");
  if (options_.token.empty()) return std::nullopt;
  return check_rights(request, wall);
}

std::optional<ports::HttpResponse> HttpAccess::check_rights(ports::HttpRequest& request,
                                                            stdx::WallTime wall) {
  static constexpr wire::AccessRow of_server = {"", "GET", "/metrics", wire::Role::none};
  auto found = wire::find_access(options_.service, request.method, request.path);
  if (request.path == of_server.pattern) found.row = &of_server;
  if (found.row != nullptr && found.row->least == wire::Role::none) return std::nullopt;
  const auto caller = identify(request, wall);
  if (!caller) {
    const bool unknown = caller.error().code == stdx::Code::denied;
    auto response = refusal(unknown ? 401 : 503, caller.error().message);
    if (unknown) response.headers["WWW-Authenticate"] = "Bearer";
    return response;
  }
  const bool every_path = options_.service.empty() && caller->role == wire::Role::admin;
  if (found.row == nullptr && !every_path) {
    const auto path = stdx::printable(request.path, 200);
    auto response = found.allowed.empty()
                        ? wire::error_response(
                              {stdx::Code::not_found, stdx::format("there is no {} here", path)})
                        : wire::error_response({stdx::Code::invalid,
                                                stdx::format("{} takes {}", path, found.allowed)});
    if (found.allowed.empty()) return response;
    response.status = 405;
    response.headers["Allow"] = found.allowed;
    return response;
  }
  request.headers[actor_header] = caller->actor;
  if (found.row != nullptr && !wire::opens(*found.row, caller->role))
    return refusal(
        403,
        stdx::format("{} has the role {}{}; {} {} takes the role {}{}. An operator makes such "
                     "a token with `zshell cluster token create --role {}`",
                     caller->actor, wire::to_string(caller->role),
                     caller->scope.empty() ? "" : " of topology " + caller->scope, request.method,
                     stdx::printable(request.path, 200), wire::to_string(found.row->least),
                     found.row->ingress ? " or ingress" : "", wire::to_string(found.row->least)));
  request.headers.erase("authorization");
  if (caller->role == wire::Role::ingress) request.headers[ingress_header] = caller->scope;
  if (caller->expires != 0) request.headers[expires_header] = std::to_string(caller->expires);
  return std::nullopt;
}

}  // namespace adapters::net
