// SPDX-License-Identifier: Apache-2.0
#pragma once

// What `samoza init` and `samoza join` are asked, and the configuration of a zhost that they write.
// Pure; the program looks at the machine and does the rest.

#include <string>
#include <vector>

#include "stdx/result.h"

namespace config {

struct SetupWords {
  bool join = false;  // else init
  std::string token;  // of join: "-" (standard input), a file, or the token itself
  std::string zhost, region;
  std::string cluster = "samoza";
  std::vector<std::string> bind, advertise;
  std::string file;  // the configuration; empty: the usual one
  bool start = true;
};
// After the name of the program. Code::invalid, with what is wrong.
stdx::Result<SetupWords> parse_setup(const std::vector<std::string>& words);
extern const char* const setup_usage;

struct Machine {
  std::string host_name;
  std::vector<std::string> addresses;  // that other machines may reach
  // Installed for the whole machine: its folders are those of the package.
  bool system = false;
};

struct Setup {
  std::string zhost;
  std::string file;  // where the configuration goes
  std::string yaml;
  std::string token_file;  // where the join token is, or goes
  std::vector<std::string> bind;
};
// `control_plane`: "HOST:PORT" of the join token; `state_home`: of the user (zhost_config.h).
stdx::Result<Setup> plan_setup(const SetupWords& words, const Machine& machine,
                               const std::string& control_plane, const std::string& config_home,
                               const std::string& state_home);

// A configuration of comments alone is none yet.
bool is_unset(const std::string& yaml);

}  // namespace config
