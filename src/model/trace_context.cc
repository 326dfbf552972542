// SPDX-License-Identifier: Apache-2.0
#include "model/trace_context.h"

#include "stdx/text.h"

namespace model {
namespace {

// Lower-case digits only, as the recommendation has it.
std::optional<std::uint64_t> hex(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<std::uint64_t>(digit);
  }
  return value;
}

constexpr std::size_t known_part = 55;

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  if (text.size() < known_part || text[2] != '-' || text[35] != '-' || text[52] != '-')
    return std::nullopt;
  const auto version = hex(text.substr(0, 2));
  if (!version || *version == 0xff) return std::nullopt;
  if (*version == 0 ? text.size() != known_part : text.size() > known_part && text[55] != '-')
    return std::nullopt;
  const auto high = hex(text.substr(3, 16)), low = hex(text.substr(19, 16));
  const auto span = hex(text.substr(36, 16)), flags = hex(text.substr(53, 2));
  if (!high || !low || !span || !flags || (*high | *low) == 0 || *span == 0) return std::nullopt;
  return TraceContext{*high, *low, *span,
                      static_cast<std::uint8_t>(*flags & TraceContext::sampled)};
}

std::string trace_id_text(const TraceContext& context) {
  return stdx::format("{:016x}{:016x}", context.trace_high, context.trace_low);
}

std::string span_id_text(std::uint64_t span) {
  return stdx::format("{:016x}", span);
}

std::string to_traceparent(const TraceContext& context) {
  return stdx::format("00-{}-{}-{:02x}", trace_id_text(context), span_id_text(context.span),
                      context.flags);
}

}  // namespace model
