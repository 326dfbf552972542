// SPDX-License-Identifier: Apache-2.0
#pragma once

// Traces of one space: the handling of a message is a span, and what is sent meanwhile its child
// (docs/how-to/trace-messages.md).
//
// While the tracer's queue is full, a span is counted as dropped when it begins, and neither the
// clock is read nor its fields are filled for it: its context goes on all the same.

#include <memory>
#include <string>
#include <string_view>

#include "zrun/message.h"
#include "zrun/tracer.h"

namespace zrun {

class SpaceTrace {
 public:
  // `tracer` outlives it; null: nothing is traced here.
  SpaceTrace(Tracer* tracer, SpanSource source) : tracer_(tracer), source_(std::move(source)) {}

  // The space begins to handle a message, or is done with it.
  void open(const Message& message) {
    const auto* trace = message.trace();
    if (tracer_ == nullptr || trace == nullptr || !trace->is_sampled()) [[likely]]
      return;
    begin(message, *trace);
  }
  void close(SpanEnd end, const std::string& why = "") {
    if (is_open_) [[unlikely]]
      finish(end, why);
  }

  // What is sent now belongs to the trace of the message in hand (null: there is none); without
  // one, one may begin.
  void stamp(Message& sent, const Message* in_hand) const;
  // An attribute of the open span. A key that is there gets the new value.
  enum class Annotated { taken, not_traced, full };
  Annotated annotate(std::string_view key, std::string_view value);
  // `traceparent` of what answers the message; empty: it has no trace.
  std::string answer_trace(const Message& message) const;

 private:
  void begin(const Message& message, const model::TraceContext& trace);
  void finish(SpanEnd end, const std::string& why);

  Tracer* tracer_;
  bool is_open_ = false;
  bool is_kept_ = false;        // it is not one of those that are dropped
  std::unique_ptr<Span> span_;  // made with the first one
  SpanSource source_;
  std::shared_ptr<const SpanSource> shared_source_;
};

}  // namespace zrun
