// SPDX-License-Identifier: Apache-2.0
// `cluster token create`, `list` and `revoke`: join tokens, which let machines in, and access
// tokens, which let people and programs ask. The role tells them apart.
#include <nlohmann/json.hpp>

#include "stdx/text.h"
#include "zshell/render.h"
#include "zshell/shell.h"

namespace zshell {

using stdx::format;

namespace {

constexpr const char* usage_line =
    "cluster token create [--role super|local] [--ttl 10m] [--uses 1], for a machine that joins; "
    "or "
    "cluster token create --role read|operate|admin|ingress [--topology NAME] [--ttl 30d] [--note "
    "TEXT], for a person or a program";

bool is_join_role(const std::string& role) {
  return role.empty() || role == "super" || role == "local";
}

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
  auto body = nlohmann::json::object();
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    const auto& value = words[i + 1];
    if (words[i] == "--role") {
      body["role"] = value;
    } else if (words[i] == "--topology") {
      body["topology"] = value;
    } else if (words[i] == "--note") {
      body["note"] = value;
    } else if (words[i] == "--uses") {
      const auto uses = stdx::parse_u64(value);
      if (!uses || *uses == 0)
        return stdx::fail(stdx::Code::invalid, "--uses is a number, 1 or more");
      body["uses"] = *uses;
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
  const bool joins = is_join_role(body.value("role", ""));
  for (const char* word : {"topology", "note"})
    if (joins && body.contains(word))
      return stdx::fail(stdx::Code::invalid,
                        format("--{} is of access tokens; --role read, operate, admin or ingress "
                               "is missing",
                               word));
  if (!joins && body.contains("uses"))
    return stdx::fail(stdx::Code::invalid,
                      "--uses is of join tokens: those of role super or local");
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

std::string join_made(const std::string& text) {
  const auto answer = render::parse(text);
  const auto view = answer.is_object() && answer.contains("view") ? answer["view"] : answer;
  const auto uses = render::field(view, "uses");
  return format(
      "{}\n  This is the only time it is shown. It lets {} join until {}, as {}. On the machine "
      "that joins:\n    samoza join -     (and paste it; or give a file)\n  `cluster token revoke "
      "{}` ends it.\n",
      render::field(answer, "token"), uses == "1" ? "one zhost" : uses + " zhosts",
      render::field(view, "expires"),
      render::field(view, "role") == "local" ? "one that never leads" : "one that may lead",
      render::field(view, "id"));
}

std::string join_listed(const nlohmann::json& answer) {
  std::vector<std::vector<std::string>> rows = {
      {"JOIN TOKEN", "ROLE", "STATE", "USED BY", "USES", "MADE", "BY", "EXPIRES", "REVOKED"}};
  const auto tokens = answer.find("tokens");
  if (tokens == answer.end() || !tokens->is_array()) return "";
  for (const auto& token : *tokens) {
    std::string used_by;
    const auto zhosts = token.find("used_by");
    if (zhosts != token.end() && zhosts->is_array())
      for (const auto& zhost : *zhosts)
        used_by += (used_by.empty() ? "" : ",") + zhost.get<std::string>();
    const auto revoked = render::field(token, "revoked");
    rows.push_back(
        {render::field(token, "id"), render::field(token, "role"), render::field(token, "state"),
         used_by.empty() ? "-" : used_by, render::field(token, "uses"),
         render::field(token, "made"), render::field(token, "made_by"),
         render::field(token, "expires"),
         revoked.empty() ? "-" : format("{} by {}", revoked, render::field(token, "revoked_by"))});
  }
  return tokens->empty() ? "" : render::table(rows);
}

std::string listed(const std::string& text) {
  std::vector<std::vector<std::string>> rows = {
      {"ACCESS TOKEN", "ROLE", "TOPOLOGY", "STATE", "MADE", "BY", "EXPIRES", "REVOKED", "NOTE"}};
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
  const bool joins = is_join_role(body->value("role", ""));
  return show(send("zrms", "POST", joins ? "/v1/cluster/join-tokens" : "/v1/cluster/tokens",
                   body->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)),
              joins ? join_made : made);
}

// Join tokens are the control plane's, and shown where it answers.
int Shell::token_list() {
  auto answer = get("zrms", "/v1/cluster/tokens", {{"known", "1"}});
  if (answer.exit != done) return answer.exit;
  ports::HttpRequest request;
  request.path = "/v1/cluster/join-tokens";
  const auto joins = outside_.ask("zrms", std::move(request));
  const auto known = joins && joins->status == 200 ? render::parse(joins->body) : nlohmann::json();
  if (!json_) {
    outside_.print(join_listed(known));
  } else if (auto both = render::parse(answer.body); both.is_object() && known.is_object()) {
    both["join_tokens"] = known.value("tokens", nlohmann::json::array());
    answer.body = both.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return show_known(answer, listed);
}

int Shell::token_revoke(const std::string& id) {
  // The ids of both kinds look alike.
  ports::HttpRequest request;
  request.method = "POST";
  request.path = "/v1/cluster/join-tokens/" + id + "/revoke";
  const auto joins = outside_.ask("zrms", std::move(request));
  const bool is_join = joins && joins->status != 404 && joins->status != 503;
  return show(is_join ? answer_of("zrms", joins, "")
                      : send("zrms", "POST", "/v1/cluster/tokens/" + id + "/revoke"),
              [](const std::string& text) {
                const auto view = render::parse(text);
                return format("{}: revoked at {}; every zhost that is reached refuses it\n",
                              render::field(view, "id"), render::field(view, "revoked"));
              });
}

}  // namespace zshell
