// SPDX-License-Identifier: Apache-2.0
#pragma once

// Owned bytes are std::string, borrowed bytes are std::string_view: what protobuf, Beast, SQLite
// and libpq speak without a copy. Text is the same type; the name says which is meant.

#include <string>
#include <string_view>

namespace stdx {
using Bytes = std::string;
using BytesView = std::string_view;
}  // namespace stdx
