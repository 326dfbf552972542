// SPDX-License-Identifier: Apache-2.0
// What can be read while there is no leader is shown, with one sentence of zrms before it: since
// when there is none, why, and what works meanwhile.
#include <nlohmann/json.hpp>

#include "stdx/text.h"
#include "zshell/render.h"
#include "zshell/shell.h"

namespace zshell {

using nlohmann::json;
using stdx::format;

namespace {

constexpr std::size_t sentence_max = 2000;

std::string away_in(const std::string& text) {
  const auto reply = render::parse(text);
  const auto at = reply.find("away");
  return at == reply.end() || !at->is_string()
             ? ""
             : stdx::printable(at->get<std::string>(), sentence_max);
}

}  // namespace

std::string Shell::away() {
  ports::HttpRequest request;
  request.path = "/v1/status";
  const auto response = outside_.ask("zrms", std::move(request));
  return response && response->status == 200 ? away_in(response->body) : "";
}

int Shell::show_known(const Answer& answer,
                      const std::function<std::string(const std::string&)>& render) {
  if (answer.exit != done) return answer.exit;
  // The zhost that answered may have its own view of since when: one command, one sentence.
  auto sentence = away();
  if (sentence.empty()) sentence = away_in(answer.body);
  if (sentence.empty()) return show(answer, render);
  if (!json_) {
    outside_.print(format("-- {}\n", sentence) + render(answer.body));
    return done;
  }
  auto reply = render::parse(answer.body);
  reply["away"] = sentence;
  outside_.print(reply.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
  return done;
}

}  // namespace zshell
