// SPDX-License-Identifier: Apache-2.0
#include "config/sources.h"

#include "stdx/text.h"

namespace config {

using stdx::format;

namespace {

std::string value_of(const Sources& sources, const char* name) {
  const auto at = sources.environment.find(name);
  return at == sources.environment.end() ? "" : at->second;
}

}  // namespace

const std::vector<const char*>& variables() {
  static const std::vector<const char*> list = {
      "SAMOZA_CONFIG",   "ZMESH_CONTROLPLANE", "ZMESH_REGION",
      "ZMESH_CLUSTER",   "ZMESH_ZHOST_ID",     "ZMESH_JOIN_TOKEN_FILE",
      "XDG_CONFIG_HOME", "XDG_STATE_HOME",     "HOME"};
  return list;
}

stdx::Result<Choice> choose(const std::string& given, const Sources& sources) {
  if (!given.empty()) return Choice{given, "as --config says"};
  if (const auto file = value_of(sources, "SAMOZA_CONFIG"); !file.empty())
    return Choice{file, "as SAMOZA_CONFIG says"};
  std::vector<std::string> places = {"zhost.yaml"};
  auto home = value_of(sources, "XDG_CONFIG_HOME");
  if (!home.starts_with('/'))
    home = value_of(sources, "HOME").starts_with('/') ? value_of(sources, "HOME") + "/.config" : "";
  if (!home.empty()) places.push_back(home + "/samoza/zhost.yaml");
  places.emplace_back("/etc/samoza/zhost.yaml");
  for (const auto& place : places)
    if (sources.exists(place)) return Choice{place, "the first one found"};
  places[0] = "./zhost.yaml";
  return stdx::fail(stdx::Code::not_found,
                    format("there is no configuration: --config and SAMOZA_CONFIG name none, and "
                           "none of {} is there",
                           fmt::join(places, ", ")));
}

stdx::Result<ZhostConfig> load(const std::string& file, const Sources& sources) {
  TRY_ASSIGN(const auto text, sources.read(file));
  TRY_ASSIGN(const auto root, sources.parse(text, file));
  return parse_zhost_config(root, file, sources.environment);
}

std::string last_state_file(const ZhostConfig& config, const Sources& sources) {
  const auto home = state_home(sources.environment);
  if (home.empty()) return "";
  return format("{}/{}/{}.{}.state_dir", home, config.cluster_id, config.zhost_id, config.bind);
}

}  // namespace config
