// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/http_access.h"

#include <algorithm>

#include "stdx/text.h"
#include "wire/json.h"

namespace adapters::net {
namespace {

using namespace std::chrono_literals;
constexpr stdx::Duration ticket_lasts = 60s;
constexpr stdx::Duration session_lasts = 12h;
constexpr std::string_view cookie_name = "samoza_session=";

std::string header(const ports::HttpRequest& request, const char* name) {
  const auto at = request.headers.find(name);
  return at == request.headers.end() ? "" : at->second;
}

void forget_old(std::map<std::string, stdx::Instant>& table, stdx::Instant now, std::size_t max) {
  std::erase_if(table, [&](const auto& entry) { return entry.second <= now; });
  while (table.size() >= max) table.erase(table.begin());
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

HttpAccess::HttpAccess(Options options, ports::Random& random)
    : options_(std::move(options)), random_(random) {}

std::string HttpAccess::secret() {
  std::string text;
  for (int i = 0; i < 4; ++i) text += stdx::format("{:016x}", random_.next());
  return text;
}

bool HttpAccess::is_our_host(std::string_view host) const {
  const auto port = ":" + std::to_string(options_.port);
  return host == options_.ip + port || host == "localhost" + port || host == "127.0.0.1" + port;
}

bool HttpAccess::has_token(const ports::HttpRequest& request, const std::string& token) const {
  constexpr std::string_view scheme = "Bearer ";
  const auto value = header(request, "authorization");
  return value.starts_with(scheme) &&
         stdx::equal_in_constant_time(std::string_view(value).substr(scheme.size()), token);
}

bool HttpAccess::has_session(const ports::HttpRequest& request, stdx::Instant now) {
  const auto cookies = header(request, "cookie");
  const auto at = cookies.find(cookie_name);
  if (at == std::string::npos) return false;
  const auto value = cookies.substr(at + cookie_name.size(), 64);
  const auto session = sessions_.find(value);
  return session != sessions_.end() && session->second > now;
}

ports::HttpResponse HttpAccess::give_ticket(stdx::Instant now) {
  forget_old(tickets_, now, tickets_max);
  const auto ticket = secret();
  tickets_[ticket] = now + ticket_lasts;
  return wire::json_response(stdx::format(R"({{"ticket":"{}"}})", ticket));
}

ports::HttpResponse HttpAccess::take_ticket(const ports::HttpRequest& request, stdx::Instant now) {
  const auto node = tickets_.extract(request.query.at("ticket"));
  if (node.empty() || node.mapped() <= now)
    return refusal(401, "this ticket was used or is too old; ask zshell for a new link");
  forget_old(sessions_, now, sessions_max);
  const auto session = secret();
  sessions_[session] = now + session_lasts;
  ports::HttpResponse response;
  response.status = 303;
  response.headers["Location"] = request.path;
  response.headers["Set-Cookie"] =
      stdx::format("{}{}; HttpOnly; SameSite=Strict; Path=/", cookie_name, session);
  return response;
}

std::optional<ports::HttpResponse> HttpAccess::check(const ports::HttpRequest& request,
                                                     stdx::Instant now) {
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
  if (request.path == "/healthz" || request.path == "/metrics" || options_.token.empty() ||
      listed(options_.open_paths, request.path))
    return std::nullopt;
  if (request.path == "/v1/tickets" && request.method == "POST" &&
      has_token(request, options_.token))
    return give_ticket(now);
  if (request.method == "GET" && request.query.contains("ticket")) return take_ticket(request, now);
  if (has_token(request, options_.token)) return std::nullopt;
  // A session opens pages and their sockets, not the operator's API.
  if (request.path.starts_with("/spaces/") && has_session(request, now)) return std::nullopt;
  return refusal(401, "the operator token is missing or wrong; zshell finds it in run_dir/token");
}

}  // namespace adapters::net
