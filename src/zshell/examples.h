// SPDX-License-Identifier: Apache-2.0
#pragma once

// For `help COMMAND`: how each command is written. Pure.

#include <string>
#include <string_view>

namespace zshell {

// Without "zshell" before it; the words themselves where they need no example.
std::string example_of(std::string_view words);

}  // namespace zshell
