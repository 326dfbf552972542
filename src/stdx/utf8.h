// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace stdx {

// Whether it may stand in a string field of a protobuf, or in JSON: well-formed UTF-8.
bool is_utf8(std::string_view text);

}  // namespace stdx
