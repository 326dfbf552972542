// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "stdx/text.h"
#include "stdx/time.h"

namespace stdx {

// RFC 3339 in UTC with milliseconds: 2026-11-24T08:26:11.042Z. All have one length, so their order
// is that of the texts.
inline std::string format_rfc3339_ms(WallTime t) {
  auto text = format_rfc3339(t);
  text.pop_back();
  const auto ms = (t - std::chrono::floor<std::chrono::seconds>(t)).count();
  return text + format(".{:03}Z", ms);
}

}  // namespace stdx
