// SPDX-License-Identifier: Apache-2.0
#pragma once

// Text helpers that C++23 on GCC 12 lacks. Formatting is {fmt}: stdx::format("{} of {}", a, b).

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stdx/result.h"
#include "stdx/time.h"

namespace stdx {

using fmt::format;

std::vector<std::string_view> split(std::string_view text, char separator);

// "250ms", "10s", "5m", "1h", "1.5s": a number with its unit, no spaces. Negative is refused.
Result<Duration> parse_duration(std::string_view text);
// The shortest exact form: "3400ms" is "3.4s".
std::string format_duration(Duration d);
// "64KiB", "16MiB", "1GiB", or a plain number of bytes.
Result<std::uint64_t> parse_bytes(std::string_view text);

// RFC 3339 in UTC with seconds: 2026-11-24T08:26:11Z (R-SHELL-15).
std::string format_rfc3339(WallTime t);
bool is_rfc3339(std::string_view text);

// A whole decimal number, nothing before or after it.
std::optional<std::uint64_t> parse_u64(std::string_view text);

// `text` with control bytes and what is not UTF-8 replaced by '?', cut to `max` bytes: for log
// lines and terminals that show what a guest, peer or package wrote.
std::string printable(std::string_view text, std::size_t max = 1024);

// At most `max` bytes of `text`, with " ..." where something was left out. Never cuts a character
// of UTF-8 in two: half a one is no text, and a protobuf that holds it cannot be read again.
std::string shortened(std::string text, std::size_t max);

// Compares secrets without telling by its time where two of the same length differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace stdx
