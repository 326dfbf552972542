// SPDX-License-Identifier: Apache-2.0
// `topo explain`: why each space of a topology is where it is, or on no zhost; also of a file that
// is not submitted.
#include <nlohmann/json.hpp>

#include "stdx/text.h"
#include "zshell/render.h"
#include "zshell/shell.h"

namespace zshell {

using nlohmann::json;
using stdx::format;

namespace {

const json& list_of(const json& value, const char* name) {
  static const json none = json::array();
  const auto at = value.is_object() ? value.find(name) : value.end();
  return value.is_object() && at != value.end() && at->is_array() ? *at : none;
}

std::string joined(const json& list) {
  std::string text;
  for (const auto& item : list)
    if (item.is_string())
      text += (text.empty() ? "" : "; ") + stdx::printable(item.get<std::string>(), 200);
  return text;
}

std::string line_of_zhost(const json& zhost) {
  if (render::field(zhost, "fits") == "yes")
    return format("    {}: fits, score {} ({})\n", render::field(zhost, "zhost"),
                  render::field(zhost, "score"), joined(list_of(zhost, "preferences")));
  return format("    {}: {}\n", render::field(zhost, "zhost"), joined(list_of(zhost, "refusals")));
}

}  // namespace

namespace render {

std::string explained(const std::string& text, bool each_zhost) {
  const auto reply = parse(text);
  std::string out;
  for (const auto& space : list_of(reply, "spaces")) {
    if (!space.is_object()) continue;
    const auto zhost = field(space, "zhost"), nearest = field(space, "nearest");
    out += format("{} {} ({}): {}\n", field(space, "space"),
                  zhost.empty() ? "has no zhost" : "on " + zhost, field(space, "state"),
                  field(space, "why"));
    if (!nearest.empty()) out += format("  nearest: {}\n", nearest);
    if (!zhost.empty() && !each_zhost) continue;
    for (const auto& candidate : list_of(space, "zhosts"))
      if (candidate.is_object()) out += line_of_zhost(candidate);
  }
  if (const auto detail = field(reply, "detail"); !detail.empty()) out += format("-- {}\n", detail);
  return out.empty() ? "it has no spaces\n" : out;
}

}  // namespace render

int Shell::topo_explain(const std::vector<std::string>& words) {
  const auto& name = words[0];
  const auto space = words.size() > 1 ? words[1] : "";
  const auto shown = [&](const std::string& text) {
    return render::explained(text, !space.empty());
  };
  const bool yaml = name.ends_with(".yaml") || name.ends_with(".yml");
  std::map<std::string, std::string> query;
  if (!space.empty()) query["space"] = space;
  if (!yaml && !name.ends_with(".mex"))
    return show(get("zrms", "/v1/topologies/" + name + "/explain", query), shown);
  auto file = read_topology_file(name);
  if (!file) return failed;
  query["explain"] = "1";
  if (yaml) return show(submit_standalone(name, *file, query), shown);
  ports::HttpRequest request;
  request.method = "POST";
  request.path = "/v1/topologies";
  request.query = query;
  request.body = std::move(*file);
  return show(ask("zrms", std::move(request), name), shown);
}

}  // namespace zshell
