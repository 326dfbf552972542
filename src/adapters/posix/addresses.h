// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace adapters::posix {

// The addresses of this machine that others may reach: of interfaces that are up, neither loopback
// nor link-local; IPv4 first.
std::vector<std::string> outside_addresses();

}  // namespace adapters::posix
