// SPDX-License-Identifier: Apache-2.0
// `topo events` and `cluster events`: what happened, when and why; with --follow what comes, too.
#include <nlohmann/json.hpp>

#include "stdx/text.h"
#include "wire/json.h"
#include "zshell/render.h"
#include "zshell/shell.h"

namespace zshell {

using namespace std::chrono_literals;
using nlohmann::json;
using stdx::format;

namespace {

constexpr stdx::Duration look_interval = 500ms;

// "running: 3 spaces (a, b, c) on z1, why".
std::string line_of(const json& event) {
  const auto field = [&](const char* name) { return render::field(event, name); };
  auto line = format("{}  ", field("at"));
  if (const auto topology = field("topology"); !topology.empty())
    line += topology + "  ";
  else if (!field("topology_id").empty())
    line += field("topology_id") + "  ";
  line += field("what");
  std::string names;
  std::size_t named = 0;
  if (const auto spaces = event.find("spaces"); spaces != event.end() && spaces->is_array())
    for (const auto& space : *spaces)
      if (space.is_string()) {
        names += (named++ == 0 ? "" : ", ") + stdx::printable(space.get<std::string>(), 100);
      }
  const auto count = stdx::parse_u64(field("count")).value_or(0);
  if (count == 1) line += " " + names;
  if (count > 1) line += format(" {} spaces ({}{})", count, names, named < count ? ", ..." : "");
  const auto from = field("from_zhost"), zhost = field("zhost");
  if (!from.empty()) line += " from " + from;
  if (!zhost.empty()) line += (from.empty() ? (count > 0 ? " on " : " ") : " to ") + zhost;
  if (const auto why = field("why"); !why.empty()) line += ": " + why;
  if (const auto by = field("by"); !by.empty()) line += ", by " + by;
  line += format("  (term {}", field("term"));
  if (const auto epoch = field("epoch"); epoch != "0" && !epoch.empty()) line += ", epoch " + epoch;
  return line + ")\n";
}

}  // namespace

int Shell::events(std::string topology, bool follow) {
  std::string after, detail;
  for (bool first = true; first || (follow && !outside_.interrupted()); first = false) {
    if (!first) outside_.wait(look_interval);
    std::map<std::string, std::string> query;
    if (!topology.empty()) query["topology"] = topology;
    if (!after.empty()) query["after"] = after;
    ports::HttpRequest request;
    request.path = "/v1/events";
    request.query = std::move(query);
    const auto response = outside_.ask("zrms", std::move(request));
    if (first || (response && response->status < 500)) {
      const auto answer = answer_of("zrms", response);
      if (answer.exit != done) return answer.exit;
    }
    if (!response || response->status != 200) continue;  // it is waited for
    const auto reply = render::parse(response->body);
    auto why = render::field(reply, "detail");
    if (!why.empty())
      if (const auto here = away(); !here.empty()) why = here;
    if (std::exchange(detail, why) != why && !why.empty())
      outside_.print(json_ ? json{{"notice", why}}.dump() + "\n" : format("-- {}\n", why));
    const auto list = reply.find("events");
    if (list == reply.end() || !list->is_array()) continue;
    for (const auto& event : *list) {
      if (!event.is_object()) continue;
      outside_.print(json_ ? event.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"
                           : line_of(event));
      after = render::field(event, "number");
    }
    if (first && list->empty() && !json_ && !follow) outside_.print("no events are known\n");
  }
  if (follow && !json_) outside_.print("\n");  // behind the terminal's ^C
  return done;
}

}  // namespace zshell
