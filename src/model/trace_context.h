// SPDX-License-Identifier: Apache-2.0
#pragma once

// The trace context of W3C that travels with a message: the trace it belongs to, the span that sent
// it, and whether that trace is recorded. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace model {

struct TraceContext {
  std::uint64_t trace_high = 0, trace_low = 0;  // not both 0
  std::uint64_t span = 0;                       // of the sender; 0: the trace begins here
  std::uint8_t flags = 0;                       // bit 0: recorded

  static constexpr std::uint8_t sampled = 1;
  bool is_sampled() const { return (flags & sampled) != 0; }
  bool operator==(const TraceContext&) const = default;
};

// The header `traceparent`: "00-<32 hex digits>-<16>-<2>", lower case. Of a later version the part
// that is known. None: it is not one, and whoever sent it is taken to have sent nothing.
std::optional<TraceContext> parse_traceparent(std::string_view text);
std::string to_traceparent(const TraceContext& context);

// 32 and 16 hex digits, as traceparent and OTLP have them.
std::string trace_id_text(const TraceContext& context);
std::string span_id_text(std::uint64_t span);

}  // namespace model
