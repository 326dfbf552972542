// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which file describes the zhost, and reading it: one way for every program, so that zshell talks
// to the zhost that startz started (docs/configuration.md, "Which file is taken").

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "config/zhost_config.h"

namespace config {

// What these functions need of the outside; apps/common has the real one.
struct Sources {
  std::map<std::string, std::string>
      environment;  // of `variables`; one that is not set is not there
  std::function<bool(const std::string& path)> exists;
  std::function<stdx::Result<std::string>(const std::string& path)> read;
  std::function<stdx::Result<Node>(const std::string& text, const std::string& file)> parse;
};
// Every environment variable that decides about a configuration.
const std::vector<const char*>& variables();

struct Choice {
  std::string file;
  std::string why;  // "as --config says"
};
// `given` (an option of the command line), SAMOZA_CONFIG, or the first of these that is there:
// ./zhost.yaml,
// ~/.config/samoza/zhost.yaml, /etc/samoza/zhost.yaml. Code::not_found says where it looked.
stdx::Result<Choice> choose(const std::string& given, const Sources& sources);

// Reads that file, with what the environment overrides. Code::invalid has one finding a line.
stdx::Result<ZhostConfig> load(const std::string& file, const Sources& sources);

// The file beside the join tokens in which startz notes the zhost's state_dir, so that a start with
// another one is noticed. Of the zhost's id, cluster and address; empty where there is no home.
std::string last_state_file(const ZhostConfig& config, const Sources& sources);

}  // namespace config
