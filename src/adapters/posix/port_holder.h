// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace adapters::posix {

// "zmesh (pid 1234)": the process that has `port` bound on `ip` or on every address ("tcp":
// listening), from /proc; empty when it cannot be seen.
std::string port_holder(const std::string& ip, std::uint16_t port, const std::string& protocol);

}  // namespace adapters::posix
