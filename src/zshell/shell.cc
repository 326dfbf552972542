// SPDX-License-Identifier: Apache-2.0
#include "zshell/shell.h"

#include <nlohmann/json.hpp>

#include "stdx/text.h"
#include "wire/json.h"
#include "zshell/render.h"

namespace zshell {

using namespace std::chrono_literals;
using stdx::format;

Shell::Answer Shell::send(const std::string& service, const std::string& method,
                          const std::string& path, stdx::Bytes body) {
  ports::HttpRequest request;
  request.method = method;
  request.path = path;
  request.body = std::move(body);
  return ask(service, std::move(request));
}

Shell::Answer Shell::get(const std::string& service, const std::string& path,
                         std::map<std::string, std::string> query) {
  ports::HttpRequest request;
  request.path = path;
  request.query = std::move(query);
  return ask(service, std::move(request));
}

Shell::Answer Shell::ask(const std::string& service, ports::HttpRequest request) {
  const auto response = outside_.ask(service, std::move(request));
  Answer answer;
  if (!response) {
    answer.exit = not_reachable;
    outside_.print(format("{} is unreachable: {}\n", service, response.error().message));
    return answer;
  }
  answer.body = response->body;
  if (response->status >= 200 && response->status < 300) return answer;
  answer.exit = failed;
  if (json_)
    outside_.print(response->body);
  else
    outside_.print(format("{}: {}\n", service, wire::error_from_response(*response).message));
  return answer;
}

Shell::Answer Shell::get_space(const std::string& rest) {
  ports::HttpRequest request;
  request.path = "/v1/spaces/" + rest;
  const auto response = outside_.ask("zrun", std::move(request));
  if (response && response->status == 200) return {done, response->body};
  return get("zmesh", "/v1/mesh/spaces/" + rest);
}

int Shell::show(const Answer& answer,
                const std::function<std::string(const std::string&)>& render) {
  if (answer.exit == done) outside_.print(json_ ? answer.body : render(answer.body));
  return answer.exit;
}

int Shell::usage(const std::string& line) {
  outside_.print("usage: " + line + "\n");
  return wrong_use;
}

// Prints each new state until the topology is where it should be, or failed, or the time is over.
int Shell::follow(const std::string& id, const std::string& until, stdx::Duration bound) {
  std::string last;
  for (stdx::Duration waited{}; waited < bound; waited += 100ms) {
    ports::HttpRequest request;
    request.path = "/v1/topologies/" + id;
    const auto response = outside_.ask("zrms", std::move(request));
    std::string state = "unknown", reason;
    if (response && response->status == 200) {
      const auto view = nlohmann::json::parse(response->body, nullptr, false);
      state = view.value("state", "unknown");
      reason = view.value("reason", "");
    }
    const auto line = reason.empty() ? state : state + ": " + reason;
    if (line != last && state != "unknown") {
      if (!json_) outside_.print(format("  {}\n", stdx::printable(line, 300)));
      last = line;
    }
    if (state == until) return done;
    if (state == "failed") return failed;
    outside_.wait(100ms);
  }
  outside_.print(format("  not {} after {}; `topo status {}` goes on showing it\n", until,
                        stdx::format_duration(bound), id));
  return failed;
}

std::vector<std::string> split_words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false, any = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
      any = true;
    } else if ((c == ' ' || c == '\t') && !quoted) {
      if (any) words.push_back(std::exchange(word, ""));
      any = false;
    } else {
      word += c;
      any = true;
    }
  }
  if (any) words.push_back(word);
  return words;
}

}  // namespace zshell
