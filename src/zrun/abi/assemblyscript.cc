// SPDX-License-Identifier: Apache-2.0
// What AssemblyScript's standard library imports from module "env".
#include <algorithm>
#include <cmath>
#include <cstring>

#include "stdx/text.h"
#include "zrun/abi/functions.h"
#include "zrun/abi/guest_span.h"
#include "zrun/space.h"

namespace zrun::abi {
namespace {

using ports::HostCall;
using ports::HostResult;

constexpr std::uint64_t text_bytes_max = 8192;

void append_utf8(std::string& text, std::uint32_t point) {
  const auto byte = [&](std::uint32_t value) { text += static_cast<char>(value); };
  if (point < 0x80) return byte(point);
  if (point < 0x800) {
    byte(0xc0 | point >> 6);
  } else {
    if (point < 0x10000) {
      byte(0xe0 | point >> 12);
    } else {
      byte(0xf0 | point >> 18);
      byte(0x80 | (point >> 12 & 0x3f));
    }
    byte(0x80 | (point >> 6 & 0x3f));
  }
  byte(0x80 | (point & 0x3f));
}

// A string is UTF-16; its length in bytes stands before it. What is no string is no text.
std::string text_at(const HostCall& call, std::uint32_t at) {
  if (at < 4) return "";
  const auto head = GuestSpan::at(call.memory, at - 4, 4, 4);
  if (!head) return "";
  std::uint32_t bytes = 0;
  std::memcpy(&bytes, head->view().data(), sizeof bytes);
  const auto units = GuestSpan::at(call.memory, at, std::min<std::uint64_t>(bytes, text_bytes_max),
                                   text_bytes_max);
  if (!units) return "";
  std::string text;
  std::uint32_t high = 0;
  for (std::size_t i = 0; i + 1 < units->size(); i += 2) {
    std::uint16_t unit = 0;
    std::memcpy(&unit, units->view().data() + i, sizeof unit);
    const bool is_low = (unit & 0xfc00) == 0xdc00;
    if (high != 0 && is_low) {
      append_utf8(text, 0x10000 + ((high & 0x3ff) << 10 | (unit & 0x3ffu)));
      high = 0;
      continue;
    }
    if (high != 0 || is_low) text += '?';
    high = (unit & 0xfc00) == 0xd800 ? unit : 0;
    if (high == 0 && !is_low) append_utf8(text, unit);
  }
  return text;
}

void print(Space& space, std::int32_t level, const std::string& text) {
  if (!space.log().may_log()) return;
  for (const auto line : stdx::split(text, '\n'))
    if (!line.empty()) space.log().write(level, line);
}

Answer<void> abort(Space& space, const HostCall& call, std::uint32_t message, std::uint32_t file,
                   std::int32_t line, std::int32_t column) {
  space.end_because(stdx::printable(stdx::format("abort: {} at {}:{}:{}", text_at(call, message),
                                                 text_at(call, file), line, column)));
  return HostResult::trap();
}

Answer<double> seed(Space& space, const HostCall&) {
  return HostResult::done_f64(
      std::ldexp(static_cast<double>(space.runtime().random.next() >> 11), -53));
}

Answer<double> date_now(Space& space, const HostCall&) {
  return HostResult::done_f64(
      static_cast<double>(space.runtime().clock.wall().time_since_epoch().count()));
}

Answer<void> trace(Space& space, const HostCall& call, std::uint32_t message, std::int32_t count,
                   double a, double b, double c, double d, double e) {
  auto text = text_at(call, message);
  const double numbers[] = {a, b, c, d, e};
  for (std::int32_t i = 0; i < std::min(count, 5); ++i)
    text += stdx::format("{}{}", i == 0 ? " " : ", ", numbers[i]);
  print(space, 1, text);
  return HostResult::done(0);
}

template <std::int32_t Level>
Answer<void> console(Space& space, const HostCall& call, std::uint32_t message) {
  print(space, Level, text_at(call, message));
  return HostResult::done(0);
}

}  // namespace

std::vector<Row> assemblyscript_rows() {
  constexpr const char* m = "env";
  return {row<abort>(m, "abort"),
          row<seed>(m, "seed"),
          row<trace>(m, "trace"),
          row<date_now>(m, "Date.now"),
          row<console<0>>(m, "console.debug"),
          row<console<1>>(m, "console.log"),
          row<console<1>>(m, "console.info"),
          row<console<2>>(m, "console.warn"),
          row<console<3>>(m, "console.error")};
}

}  // namespace zrun::abi
