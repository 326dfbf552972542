// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace guest_abi {

// docs/abi.md and sdk/c/samoza.h, written from the table.
std::string markdown();
std::string c_header();

}  // namespace guest_abi
