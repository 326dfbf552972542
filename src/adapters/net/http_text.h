// SPDX-License-Identifier: Apache-2.0
#pragma once

// The target of a request: path and query, decoded once and strictly. NUL, CR, LF, "..", encoded
// slashes, broken escapes, text that is not UTF-8 and absolute forms are refused.

#include <map>
#include <string>

#include "stdx/result.h"

namespace adapters::net {

struct Target {
  std::string path;
  std::map<std::string, std::string> query;
};
stdx::Result<Target> split_target(const std::string& target);
// For clients: what is not unreserved as %XX.
std::string percent_encode(std::string_view text, bool keep_slash);

}  // namespace adapters::net
