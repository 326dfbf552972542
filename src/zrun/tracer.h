// SPDX-License-Identifier: Apache-2.0
#pragma once

// Decides which messages are traced, and keeps the spans that are over until the exporter takes
// them (docs/how-to/trace-messages.md). Head-based: the decision is made where a message begins,
// and every message that follows from it keeps it. A message that is not recorded has no context,
// unless its caller gave one, and costs nothing.
//
// Pure. Bounds: queue_max spans and queue_bytes_max of attributes wait; past them a span is dropped
// and counted.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/topology.h"
#include "model/trace_context.h"
#include "ports/runtime.h"
#include "stdx/ring.h"

namespace zrun {

// What the spans of one instance have in common.
struct SpanSource {
  std::shared_ptr<const model::Topology> text;
  std::uint16_t index = 0;
  std::uint64_t epoch = 0;
  std::uint32_t run = 0;
};

enum class SpanEnd { finished, failed, dead_letter, interrupted };
const char* to_string(SpanEnd end);

// The handling of one message.
struct Span {
  static constexpr std::size_t attributes_max = 32, key_max = 64, value_max = 256;
  using Attributes = std::vector<std::pair<std::string, std::string>>;

  model::TraceContext context;  // its own id in `span`
  std::uint64_t parent = 0;     // 0: none
  stdx::Instant began{}, ended{};
  std::shared_ptr<const SpanSource> source;
  std::uint16_t path = 0;
  bool redelivered = false, http = false;
  std::uint32_t delivery = 1;  // by this instance
  SpanEnd end = SpanEnd::finished;
  std::string why;  // it failed
  std::unique_ptr<Attributes> attributes;

  std::size_t bytes() const;
};

// The wall clock in nanoseconds at an Instant. The clock of a process tells whole milliseconds; the
// latest of many looks is nearest to the truth.
class WallOffset {
 public:
  static constexpr stdx::Duration window = std::chrono::minutes(1);
  void note(stdx::Instant now, stdx::WallTime wall);
  std::int64_t wall_ns(stdx::Instant at) const;

 private:
  std::optional<std::int64_t> present_, former_;
  stdx::Instant window_began_{};
};

class Tracer {
 public:
  static constexpr std::size_t queue_max = 2048, queue_bytes_max = 4u << 20;

  // `ratio` of the messages that begin here are traced, 0 to 1.
  Tracer(ports::Runtime& runtime, double ratio);

  // For a message that begins here; none: it is not traced.
  std::optional<model::TraceContext> begin_trace();
  std::uint64_t next_span_id();
  stdx::Instant now() const { return runtime_.clock.now(); }

  void finished(Span span);
  // The next span that is over would be dropped.
  bool is_full() const { return queue_.size() >= queue_max || queued_bytes_ >= queue_bytes_max; }
  // Spans that nobody takes any more.
  void drop(std::size_t spans) { dropped_.add(spans); }
  // Called when there is a first span, and each time when there are `batch` more.
  std::function<void()> on_spans;
  std::vector<Span> take(std::size_t at_most);
  std::size_t waiting() const { return queue_.size(); }
  std::int64_t wall_ns(stdx::Instant at) const { return offset_.wall_ns(at); }

 private:
  static constexpr int looks_max = 64;  // at the wall clock, between two batches

  ports::Runtime& runtime_;
  std::uint64_t threshold_;
  stdx::Ring<Span> queue_;
  std::size_t queued_bytes_ = 0;
  WallOffset offset_;
  int looks_ = 0;
  ports::Counter& dropped_;
};

}  // namespace zrun
