// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "model/topology.h"
#include "wasm/interface.h"

namespace guest_abi {

// Whether a space may use a function: it needs no capability, or the space has it (R-ABI-3).
bool is_granted(const std::vector<std::string>& capabilities, std::string_view capability);

// What keeps a module from running as `space`: each import that does not exist, has another type or
// is not granted, by name; a missing or wrong hook; a memory past the limit. One line each.
std::vector<std::string> check(const model::Space& space, const wasm::Interface& interface);

}  // namespace guest_abi
