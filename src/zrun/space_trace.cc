// SPDX-License-Identifier: Apache-2.0
// Traces of a space: the handling of a message is a span, and what is sent meanwhile its child.
#include <algorithm>

#include "zrun/space.h"

namespace zrun {

void Space::stamp(Message& message) {
  if (span_open_) [[unlikely]]
    return message.set_trace(span_->context);
  if (current_) {
    // Its sender decided. Where nothing is recorded here, the context is handed on as it came; but
    // that of a caller goes no further then: no frame has one where nobody traces.
    const bool goes_on = parts_.tracer != nullptr || !current_->is_from_outside();
    if (const auto* trace = current_->trace(); trace != nullptr && goes_on)
      message.set_trace(*trace);
    return;
  }
  if (parts_.tracer == nullptr) return;
  if (const auto trace = parts_.tracer->begin_trace()) message.set_trace(*trace);
}

void Space::open_span(const Message& message) {
  const auto* trace = message.trace();
  if (parts_.tracer == nullptr || trace == nullptr || !trace->is_sampled()) return;
  if (!span_) span_ = std::make_unique<Span>();
  if (!span_source_)
    span_source_ = std::make_shared<const SpanSource>(
        SpanSource{text_, index_, id_.epoch.value, id_.run.value});
  auto& span = *span_;
  span.context = *trace;
  span.parent = trace->span;
  span.context.span = parts_.tracer->next_span_id();
  span.began = parts_.tracer->now();
  span.source = span_source_;
  span.path = message.path;
  span.redelivered = message.redelivered;
  span.http = message.http;
  span.delivery = message.deliveries + 1u;
  span_open_ = true;
}

void Space::close_span(SpanEnd end, const std::string& why) {
  if (!std::exchange(span_open_, false)) return;
  span_->ended = parts_.tracer->now();
  span_->end = end;
  span_->why = why;
  parts_.tracer->finished(std::exchange(*span_, {}));
}

Space::Annotated Space::annotate(std::string_view key, std::string_view value) {
  if (!span_open_) return Annotated::not_traced;
  if (!span_->attributes) span_->attributes = std::make_unique<Span::Attributes>();
  auto& attributes = *span_->attributes;
  const auto at = std::find_if(attributes.begin(), attributes.end(),
                               [&](const auto& other) { return other.first == key; });
  if (at != attributes.end())
    at->second = value;
  else if (attributes.size() >= Span::attributes_max)
    return Annotated::full;
  else
    attributes.emplace_back(key, value);
  return Annotated::taken;
}

std::string Space::answer_trace(const Message& message) const {
  if (span_open_) return model::to_traceparent(span_->context);
  const auto* trace = message.trace();
  return trace == nullptr || trace->span == 0 ? "" : model::to_traceparent(*trace);
}

}  // namespace zrun
