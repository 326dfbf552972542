// SPDX-License-Identifier: Apache-2.0
#include "stdx/text.h"

#include <charconv>
#include <cmath>
#include <ctime>

namespace stdx {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

Result<Duration> parse_duration(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  double scale = 0;
  if (unit == "us") scale = 1e3;
  if (unit == "ms") scale = 1e6;
  if (unit == "s") scale = 1e9;
  if (unit == "m") scale = 60e9;
  if (unit == "h") scale = 3600e9;
  if (error != std::errc() || scale == 0 || !std::isfinite(number) || number < 0 ||
      number * scale > 9e18)
    return fail(Code::invalid, format("'{}' is no duration; write it like 250ms, 10s, 5m or 2h",
                                      printable(text, 40)));
  return Duration(static_cast<std::int64_t>(number * scale));
}

std::string format_duration(Duration d) {
  const auto ns = d.count();
  if (ns % 1'000'000 != 0) return format("{}us", ns / 1000);
  const auto ms = ns / 1'000'000;
  if (ms < 1000) return format("{}ms", ms);
  if (ms % 1000 != 0) return format("{}s", static_cast<double>(ms) / 1000);
  const auto s = ms / 1000;
  if (s < 60) return format("{}s", s);
  if (s < 3600) return s % 60 ? format("{}m{}s", s / 60, s % 60) : format("{}m", s / 60);
  return format("{}h{}m", s / 3600, s % 3600 / 60);
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  std::string_view digits = text;
  std::uint64_t scale = 1;
  for (auto [suffix, factor] : {std::pair{"KiB", 1ull << 10},
                                {"MiB", 1ull << 20},
                                {"GiB", 1ull << 30},
                                {"TiB", 1ull << 40}}) {
    if (text.ends_with(suffix)) {
      digits.remove_suffix(3);
      scale = factor;
    }
  }
  const auto number = parse_u64(digits);
  if (!number || *number > (1ull << 62) / scale)
    return fail(Code::invalid,
                format("'{}' is no size; write it like 64KiB, 16MiB or 4096", printable(text, 40)));
  return *number * scale;
}

std::string format_rfc3339(WallTime t) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

bool is_rfc3339(std::string_view text) {
  constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() < shape.size() + 1) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == 'd' ? !digit : text[i] != shape[i]) return false;
  }
  std::string_view rest = text.substr(shape.size());
  if (rest[0] == '.') {
    std::size_t n = 1;
    while (n < rest.size() && rest[n] >= '0' && rest[n] <= '9') ++n;
    if (n == 1) return false;
    rest.remove_prefix(n);
  }
  if (rest == "Z") return true;
  return rest.size() == 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':';
}

std::optional<std::uint64_t> parse_u64(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

namespace {
// Length of the UTF-8 character at the start of `text`, or 0 where there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t n = first >= 0xc2 && first < 0xe0   ? 2
                        : first >= 0xe0 && first < 0xf0 ? 3
                        : first >= 0xf0 && first < 0xf5 ? 4
                                                        : 0;
  if (n == 0 || text.size() < n) return 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  return n;
}
}  // namespace

std::string printable(std::string_view text, std::size_t max) {
  std::string out;
  while (!text.empty() && out.size() < max) {
    const std::size_t n = utf8_length(text);
    const auto c = static_cast<unsigned char>(text[0]);
    if (n == 0 || c < 0x20 || c == 0x7f ||
        (c == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0)) {
      out += '?';
      text.remove_prefix(n == 0 ? 1 : n);
    } else {
      out += text.substr(0, n);
      text.remove_prefix(n);
    }
  }
  if (!text.empty()) out += "…";
  return out;
}

std::string shortened(std::string text, std::size_t max) {
  constexpr std::string_view more = " ...";
  if (text.size() <= max) return text;
  auto end = max > more.size() ? max - more.size() : 0;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text.append(more.substr(0, max));
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace stdx
