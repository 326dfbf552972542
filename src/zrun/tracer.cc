// SPDX-License-Identifier: Apache-2.0
#include "zrun/tracer.h"

#include <algorithm>
#include <cmath>

namespace zrun {

const char* to_string(SpanEnd end) {
  switch (end) {
    case SpanEnd::finished:
      return "finished";
    case SpanEnd::failed:
      return "failed";
    case SpanEnd::dead_letter:
      return "dead letter";
    case SpanEnd::interrupted:
      return "interrupted";
  }
  return "interrupted";
}

std::size_t Span::bytes() const {
  std::size_t bytes = why.size();
  if (attributes)
    for (const auto& [key, value] : *attributes) bytes += key.size() + value.size();
  return bytes;
}

void WallOffset::note(stdx::Instant now, stdx::WallTime wall) {
  const std::int64_t offset =
      std::chrono::nanoseconds(wall.time_since_epoch()).count() - now.time_since_epoch().count();
  if (!present_ || now - window_began_ >= window) {
    former_ = present_;
    present_ = offset;
    window_began_ = now;
  }
  present_ = std::max(*present_, offset);
}

std::int64_t WallOffset::wall_ns(stdx::Instant at) const {
  return at.time_since_epoch().count() +
         std::max(present_.value_or(0), former_.value_or(present_.value_or(0)));
}

Tracer::Tracer(ports::Runtime& runtime, double ratio)
    : runtime_(runtime),
      threshold_(static_cast<std::uint64_t>(std::ldexp(std::clamp(ratio, 0.0, 1.0), 53))),
      dropped_(runtime.metrics.counter(
          "samoza_zrun_spans_dropped_total",
          "Spans of traces that were not exported: too many waited, or the endpoint took none")) {}

std::optional<model::TraceContext> Tracer::begin_trace() {
  const auto low = runtime_.random.next();
  if (low >> 11 >= threshold_) return std::nullopt;
  // Not both halves are 0.
  return model::TraceContext{runtime_.random.next() | 1, low, 0, model::TraceContext::sampled};
}

std::uint64_t Tracer::next_span_id() {
  std::uint64_t id = 0;
  while (id == 0) id = runtime_.random.next();
  return id;
}

void Tracer::finished(Span span) {
  const auto bytes = span.bytes();
  if (queue_.size() >= queue_max || queued_bytes_ + bytes > queue_bytes_max) {
    dropped_.add();
    return;
  }
  if (looks_ < looks_max) {
    ++looks_;
    offset_.note(runtime_.clock.now(), runtime_.clock.wall());
  }
  queued_bytes_ += bytes;
  queue_.push_back(std::move(span));
  if (on_spans) on_spans();
}

std::vector<Span> Tracer::take(std::size_t at_most) {
  std::vector<Span> taken;
  looks_ = 0;
  while (!queue_.empty() && taken.size() < at_most) {
    taken.push_back(queue_.pop_front());
    queued_bytes_ -= taken.back().bytes();
  }
  return taken;
}

}  // namespace zrun
