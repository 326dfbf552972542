// SPDX-License-Identifier: Apache-2.0
#include "zmesh/http_message.h"

#include <algorithm>
#include <set>

#include "model/trace_context.h"
#include "stdx/text.h"
#include "stdx/utf8.h"

namespace zmesh {

using stdx::Code;

std::string traceparent_of(const ports::HttpRequest& request) {
  const auto at = request.headers.find("traceparent");
  if (at == request.headers.end() || !model::parse_traceparent(at->second)) return "";
  return at->second;
}

namespace {

constexpr std::string_view of_one_connection[] = {
    "connection", "keep-alive",       "proxy-authenticate", "proxy-authorization",
    "te",         "trailer",          "transfer-encoding",  "upgrade",
    "expect",     "proxy-connection", "content-length",     "http2-settings"};
constexpr std::string_view session_cookie = "samoza_session=";
constexpr std::size_t header_bytes_max = 16u << 10;
constexpr std::string_view text_type = "text/plain; charset=utf-8";

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// The headers that are of this connection alone, in lower case.
class HopByHop {
 public:
  // `connection`: the value of that header, which may name more of them; the first named_max count.
  explicit HopByHop(std::string_view connection)
      : names_(std::begin(of_one_connection), std::end(of_one_connection)) {
    constexpr std::size_t named_max = 64;
    for (std::size_t named = 0; !connection.empty() && named < named_max; ++named) {
      const auto end = std::min(connection.find(','), connection.size());
      names_.insert(lower(trimmed(connection.substr(0, end))));
      connection.remove_prefix(std::min(end + 1, connection.size()));
    }
  }
  bool contains(const std::string& name) const { return names_.contains(name); }

 private:
  std::set<std::string> names_;
};

std::string without_session(std::string_view cookies) {
  std::string out;
  for (const auto part : stdx::split(cookies, ';')) {
    const auto cookie = trimmed(part);
    if (cookie.empty() || cookie.starts_with(session_cookie)) continue;
    out += (out.empty() ? "" : "; ") + std::string(cookie);
  }
  return out;
}

void escape(std::string& out, std::string_view text, std::string_view also_plain) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = std::isalnum(byte) || c == '-' || c == '_' || c == '.' || c == '~' ||
                       also_plain.find(c) != std::string_view::npos;
    if (plain)
      out.push_back(c);
    else
      out += stdx::format("%{:02X}", byte);
  }
}

// As it was sent, where the server kept that; else made of its parts.
std::string target_of(const ports::HttpRequest& request) {
  if (const auto at = request.headers.find(":target"); at != request.headers.end())
    return at->second;
  std::string out;
  escape(out, request.path, "/");
  char before = '?';
  for (const auto& [name, value] : request.query) {
    out.push_back(std::exchange(before, '&'));
    escape(out, name, "");
    out.push_back('=');
    escape(out, value, "");
  }
  return out;
}

bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || marks.find(c) != std::string_view::npos;
  });
}

bool has_control_bytes(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

std::unexpected<stdx::Error> bad(std::string why) {
  return stdx::fail(Code::invalid, "the space's answer is no HTTP response: " + std::move(why));
}

// Up to the next end of a line, which is taken off too; none: there is no end.
std::optional<std::string_view> take_line(std::string_view& from) {
  const auto end = from.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  auto line = from.substr(0, end);
  from.remove_prefix(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

stdx::Status take_header(std::string_view line, std::map<std::string, std::string>& headers) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return bad(stdx::format("'{}' is no header", stdx::printable(line, 60)));
  const auto name = lower(line.substr(0, colon));
  const auto value = trimmed(line.substr(colon + 1));
  if (has_control_bytes(value))
    return bad(stdx::format("the header {} has control characters", name));
  // Browsers leave blanks around its name out.
  const auto cookie = value.substr(0, value.find('='));
  if (name == "set-cookie" &&
      (trimmed(cookie) == session_cookie.substr(0, session_cookie.size() - 1) ||
       value.find(session_cookie) != std::string_view::npos))
    return bad("it sets the cookie of pages");
  auto& known = headers[name];
  if (known.empty())
    known = value;
  else if (name != "set-cookie" && name != "content-type")
    known += ", " + std::string(value);
  return {};
}

}  // namespace

stdx::Bytes request_message(const ports::HttpRequest& request) {
  auto message = stdx::format("{} {} HTTP/1.1\r\n", request.method, target_of(request));
  const auto at = request.headers.find("connection");
  const HopByHop hop_by_hop(at == request.headers.end() ? "" : at->second);
  for (const auto& [name, value] : request.headers) {
    if (name.starts_with(':') || hop_by_hop.contains(name)) continue;
    const auto passed = name == "cookie" ? without_session(value) : value;
    if (name == "cookie" && passed.empty()) continue;
    message += stdx::format("{}: {}\r\n", name, passed);
  }
  if (!request.body.empty()) message += stdx::format("content-length: {}\r\n", request.body.size());
  return message + "\r\n" + request.body;
}

stdx::Result<ports::HttpResponse> response_of(stdx::BytesView answer) {
  constexpr std::string_view version = "HTTP/1.1 ";
  ports::HttpResponse response;
  if (!answer.starts_with(version)) {
    response.content_type = stdx::is_utf8(answer) ? text_type : "application/octet-stream";
    response.body = answer;
    return response;
  }
  auto rest = std::string_view(answer).substr(version.size());
  const auto first = take_line(rest);
  const auto status = first ? stdx::parse_u64(first->substr(0, 3)) : std::nullopt;
  if (!status || *status < 200 || *status > 599 || (first->size() > 3 && (*first)[3] != ' '))
    return bad("its first line must be 'HTTP/1.1 ', a status of 200 to 599, and the reason");
  response.status = static_cast<int>(*status);
  for (std::size_t bytes = 0;;) {
    const auto line = take_line(rest);
    if (!line) return bad("no empty line ends its header");
    if (line->empty()) break;
    bytes += line->size();
    if (bytes > header_bytes_max)
      return bad(stdx::format("its header has more than {} bytes", header_bytes_max));
    TRY(take_header(*line, response.headers));
  }
  const HopByHop hop_by_hop(response.headers.contains("connection") ? response.headers["connection"]
                                                                    : "");
  std::erase_if(response.headers,
                [&](const auto& header) { return hop_by_hop.contains(header.first); });
  response.body = rest;
  if (response.status == 204 || response.status == 304) response.body.clear();
  const auto type = response.headers.extract("content-type");
  response.content_type = !type.empty()                  ? type.mapped()
                          : stdx::is_utf8(response.body) ? std::string(text_type)
                                                         : "application/octet-stream";
  return response;
}

ports::HttpResponse response_of(const stdx::Error& error) {
  ports::HttpResponse response;
  response.status = 502;
  if (error.code == Code::timeout) response.status = 504;
  // Denied: the space is of another version than its zhost's directory; an update is under way.
  if (error.code == Code::unavailable || error.code == Code::full || error.code == Code::denied)
    response.status = 503;
  if (response.status == 503) response.headers["Retry-After"] = "1";
  response.content_type = text_type;
  response.body = error.message + "\n";
  return response;
}

}  // namespace zmesh
