// SPDX-License-Identifier: Apache-2.0
#include "zmesh/page_sessions.h"

#include <algorithm>

#include "stdx/encoding.h"
#include "stdx/text.h"

namespace zmesh {

using stdx::Code;

namespace {

constexpr const char* login_policy =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
      out += stdx::format("&#{};", static_cast<int>(c));
    else
      out.push_back(c);
  }
  return out;
}

ports::HttpResponse html(int status, const std::string& title, const std::string& body) {
  ports::HttpResponse response;
  response.status = status;
  response.content_type = "text/html; charset=utf-8";
  response.headers["Content-Security-Policy"] = login_policy;
  // Without a referrer a browser says of its form that it comes from nowhere (`Origin: null`).
  response.headers["Referrer-Policy"] = "same-origin";
  response.body = stdx::format(
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{0}</title>"
      "<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:4em auto;padding:0 "
      "1em}}input{{font:inherit;width:100%;box-sizing:border-box;padding:.4em;margin:.3em 0 "
      "1em}}button{{font:inherit;padding:.4em 1.2em}}.why{{color:#a00}}</style>"
      "<h1>{0}</h1>{1}</html>\n",
      escaped(title), body);
  return response;
}

}  // namespace

std::optional<PageSessions::Session> PageSessions::session_of(const ports::HttpRequest& request,
                                                              const Page& page) const {
  const auto cookies = request.headers.find("cookie");
  if (cookies == request.headers.end() || key_ == nullptr) return std::nullopt;
  // A page of the same topology can set cookies of its name here: any that is good counts.
  constexpr std::size_t tried_max = 8;
  std::size_t tried = 0;
  for (auto part : stdx::split(cookies->second, ';')) {
    while (part.starts_with(' ')) part.remove_prefix(1);
    const auto equals = part.find('=');
    if (equals == std::string_view::npos || part.substr(0, equals) != cookie_name) continue;
    if (++tried > tried_max) break;
    const auto token =
        wire::check_access_token(*key_, part.substr(equals + 1), runtime_.clock.wall());
    if (!token || token->role != wire::Role::page || token->scope != page.scope()) continue;
    if (Session session{token->id, token->expires}; holds(session)) return session;
  }
  return std::nullopt;
}

bool PageSessions::holds(const Session& session) const {
  return session.expires > now() && (revoked_ == nullptr || !revoked_->contains(session.token_id));
}

std::string PageSessions::give_ticket(const Page& page, const std::string& token_id,
                                      std::uint64_t expires) {
  std::erase_if(tickets_, [this](const auto& ticket) { return ticket.second.ends <= now(); });
  if (tickets_.size() >= tickets_max)
    tickets_.erase(std::min_element(tickets_.begin(), tickets_.end(), [](auto& a, auto& b) {
      return a.second.ends < b.second.ends;
    }));
  std::string text;
  for (int i = 0; i < 4; ++i) text += stdx::format("{:016x}", runtime_.random.next());
  tickets_[text] = {page.scope(), {token_id, expires}, now() + ticket_lasts};
  return text;
}

stdx::Result<ports::HttpResponse> PageSessions::begin(const Page& page, Session session,
                                                      const std::string& where) const {
  if (key_ == nullptr) return stdx::fail(Code::unsupported, "this zmesh gives no sessions");
  session.expires = std::min(session.expires, now() + session_lasts);
  TRY_ASSIGN(const auto cookie, wire::sign(*key_, {session.token_id, wire::Role::page, page.scope(),
                                                   session.expires}));
  ports::HttpResponse response;
  response.status = 303;
  response.headers["Location"] = where;
  response.headers["Set-Cookie"] =
      stdx::format("{}={}; HttpOnly; SameSite=Lax; Path=/; Max-Age={}", cookie_name, cookie,
                   session.expires - std::min(session.expires, now()));
  return response;
}

stdx::Result<ports::HttpResponse> PageSessions::log_in(const Page& page, const std::string& text,
                                                       const std::string& where) const {
  if (key_ == nullptr) return stdx::fail(Code::unsupported, "this zmesh gives no sessions");
  const auto token = wire::check_access_token(*key_, text, runtime_.clock.wall());
  if (!token) return std::unexpected(token.error());
  const Session session{token->id, token->expires};
  if (!holds(session))
    return stdx::fail(Code::denied, stdx::format("token {} was revoked", token->id));
  const bool may = token->role >= wire::Role::operate ||
                   (token->role == wire::Role::ingress && token->scope == page.topology);
  if (!may)
    return stdx::fail(
        Code::denied,
        stdx::format("this token has the role {}{}; the page takes one of the role operate, or "
                     "ingress of topology {}",
                     wire::to_string(token->role),
                     token->scope.empty() ? "" : " of topology " + token->scope, page.topology));
  return begin(page, session, where);
}

stdx::Result<ports::HttpResponse> PageSessions::take_ticket(const Page& page,
                                                            const std::string& text,
                                                            const std::string& where) {
  const auto ticket = tickets_.extract(text);
  if (ticket.empty() || ticket.mapped().ends <= now() || ticket.mapped().scope != page.scope() ||
      !holds(ticket.mapped().session))
    return stdx::fail(
        Code::denied,
        "this link was used already, is older than a minute, or was made at another zhost; `zshell "
        "spaces open` makes one for this zhost, or log in with a token here");
  return begin(page, ticket.mapped().session, where);
}

ports::HttpResponse login_page(const PageSessions::Page& page, const std::string& where,
                               const std::string& why) {
  return html(
      401, stdx::format("{} of {}", page.space, page.topology),
      stdx::format(
          "{}<form method=\"post\" action=\"/-/login\"><label>Access token"
          "<input type=\"password\" name=\"token\" autocomplete=\"current-password\" autofocus "
          "required></label><input type=\"hidden\" name=\"to\" value=\"{}\"><button>Open</button>"
          "</form><p>An operator makes one with <code>zshell cluster token create --role ingress "
          "--topology {}</code>.</p>",
          why.empty() ? "" : stdx::format("<p class=\"why\">{}</p>", escaped(why)), escaped(where),
          escaped(page.topology)));
}

ports::HttpResponse message_page(int status, const std::string& title, const std::string& text) {
  auto response = html(status, title, stdx::format("<p>{}</p>", escaped(text)));
  if (status == 503) response.headers["Retry-After"] = "1";
  return response;
}

std::string form_field(stdx::BytesView body, std::string_view name) {
  for (const auto part : stdx::split(body, '&')) {
    const auto equals = part.find('=');
    if (equals == std::string_view::npos || part.substr(0, equals) != name) continue;
    std::string out;
    const auto value = part.substr(equals + 1);
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '%' && i + 2 < value.size()) {
        std::string digits(value.substr(i + 1, 2));
        std::transform(digits.begin(), digits.end(), digits.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        if (const auto byte = stdx::hex_decode(digits)) {
          out += *byte;
          i += 2;
          continue;
        }
      }
      out.push_back(value[i] == '+' ? ' ' : value[i]);
    }
    while (!out.empty() && (out.back() == ' ' || out.back() == '\n' || out.back() == '\r'))
      out.pop_back();
    return out;
  }
  return "";
}

std::string local_path(const std::string& asked) {
  const bool plain = asked.size() < 2000 && asked.starts_with("/") && !asked.starts_with("//") &&
                     std::all_of(
                         asked.begin(), asked.end(),
                         [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '\\'; });
  return plain ? asked : "/";
}

}  // namespace zmesh
