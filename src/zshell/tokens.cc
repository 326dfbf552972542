// SPDX-License-Identifier: Apache-2.0
// `cluster token create`, `list` and `revoke`.
#include <nlohmann/json.hpp>

#include "stdx/text.h"
#include "zshell/render.h"
#include "zshell/shell.h"

namespace zshell {

using stdx::format;

namespace {

constexpr const char* usage_line =
    "cluster token create --role read|operate|admin|ingress [--topology NAME] [--ttl 30d] "
    "[--note TEXT]";

// "30d", or a time as everywhere else: "12h".
stdx::Result<std::uint64_t> seconds_of(const std::string& text) {
  constexpr std::uint64_t days_max = 100'000;
  if (text.ends_with("d"))
    if (const auto days = stdx::parse_u64(text.substr(0, text.size() - 1));
        days && *days > 0 && *days <= days_max)
      return *days * 86'400;
  TRY_ASSIGN(const auto time, stdx::parse_duration(text));
  if (time < std::chrono::seconds(1))
    return stdx::fail(stdx::Code::invalid, "--ttl is a second at least");
  return static_cast<std::uint64_t>(stdx::to_ms(time) / 1000);
}

stdx::Result<nlohmann::json> read_words(const std::vector<std::string>& words) {
  nlohmann::json body;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    const auto& value = words[i + 1];
    if (words[i] == "--role") {
      body["role"] = value;
    } else if (words[i] == "--topology") {
      body["topology"] = value;
    } else if (words[i] == "--note") {
      body["note"] = value;
    } else if (words[i] == "--ttl") {
      TRY_ASSIGN(body["ttl_seconds"], seconds_of(value));
    } else {
      return stdx::fail(stdx::Code::invalid,
                        format("'{}' is no option", stdx::printable(words[i], 60)));
    }
  }
  if (words.size() % 2 != 0)
    return stdx::fail(stdx::Code::invalid,
                      format("{} needs a value", stdx::printable(words.back(), 60)));
  if (!body.contains("role")) return stdx::fail(stdx::Code::invalid, "--role is missing");
  return body;
}

std::string scope_of(const nlohmann::json& token) {
  const auto topology = render::field(token, "topology");
  return topology.empty() ? "-" : topology;
}

std::string made(const std::string& text) {
  const auto answer = render::parse(text);
  const auto view = answer.is_object() && answer.contains("view") ? answer["view"] : answer;
  const auto topology = render::field(view, "topology");
  return format(
      "{}\n  This is the only time it is shown. Id {}, role {}{}, valid until {}.\n"
      "  Use it with SAMOZA_TOKEN or --token-file of zshell, or as `Authorization: Bearer ...`; "
      "`cluster token revoke {}` ends it.\n",
      render::field(answer, "token"), render::field(view, "id"), render::field(view, "role"),
      topology.empty() ? "" : " of topology " + topology, render::field(view, "expires"),
      render::field(view, "id"));
}

std::string listed(const std::string& text) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "ROLE", "TOPOLOGY", "STATE", "MADE", "BY", "EXPIRES", "REVOKED", "NOTE"}};
  const auto answer = render::parse(text);
  const auto tokens = answer.find("tokens");
  if (tokens != answer.end() && tokens->is_array())
    for (const auto& token : *tokens) {
      const auto revoked = render::field(token, "revoked");
      rows.push_back(
          {render::field(token, "id"), render::field(token, "role"), scope_of(token),
           render::field(token, "state"), render::field(token, "made"),
           render::field(token, "made_by"), render::field(token, "expires"),
           revoked.empty() ? "-" : format("{} by {}", revoked, render::field(token, "revoked_by")),
           render::field(token, "note")});
    }
  return render::table(rows);
}

}  // namespace

int Shell::token_create(const std::vector<std::string>& words) {
  const auto body = read_words(words);
  if (!body) {
    say_error(body.error().code, body.error().message);
    return usage(usage_line);
  }
  return show(send("zrms", "POST", "/v1/cluster/tokens",
                   body->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)),
              made);
}

int Shell::token_list() {
  return show_known(get("zrms", "/v1/cluster/tokens", {{"known", "1"}}), listed);
}

int Shell::token_revoke(const std::string& id) {
  return show(send("zrms", "POST", "/v1/cluster/tokens/" + id + "/revoke"),
              [](const std::string& text) {
                const auto view = render::parse(text);
                return format("{}: revoked at {}; every zhost that is reached refuses it\n",
                              render::field(view, "id"), render::field(view, "revoked"));
              });
}

}  // namespace zshell
