// SPDX-License-Identifier: Apache-2.0
// Wires zshell::Outside to the real world: which services it asks, with which token, over which
// loop.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "adapters/loop/loop.h"
#include "adapters/net/http_client.h"
#include "stdx/time.h"
#include "zshell/shell.h"

namespace zshell_app {

// The variable's value, or `fallback` where it is not set or empty.
std::string env(const char* name, std::string fallback);

struct Target {
  std::map<std::string, std::string> urls;  // by service: "zmesh", "zrms", "zrun", "zbase"
  std::string token;                        // the operator's; empty where its file cannot be read
  // The file it is from, which is read again when the token is refused: a zhost makes a new one at
  // each start. Empty: the token was given.
  std::string token_path;
  bool colours = false;
  std::string host;  // of the zhost that is asked
};

// Whether to colour, for "always", "never" or "auto"; none for another word.
std::optional<bool> colours_of(const std::string& when);

// From the configuration that startz would take (config::choose), where there is one, else the
// defaults (R-SVC-6, R-ENV-5). Ends the program with `wrong_use` where the configuration or a URL
// of the environment is not valid.
Target target_of(const std::string& config_file, const std::string& run_dir,
                 const std::string& host);

// What was given, the file that was given, SAMOZA_TOKEN, or what `target` has: the operator token
// of this zhost. Ends the program with `wrong_use` where the file cannot be read.
void choose_token(Target& target, const std::string& token, const std::string& token_file);

// Blocks the calling thread on `loop` for each question and each wait. `loop` and `http` outlive
// it.
zshell::Outside outside_of(adapters::loop::Loop& loop, adapters::net::NetHttpClient& http,
                           const Target& target);

}  // namespace zshell_app
