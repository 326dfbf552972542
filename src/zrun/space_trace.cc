// SPDX-License-Identifier: Apache-2.0
#include "zrun/space_trace.h"

#include <algorithm>
#include <utility>

namespace zrun {

void SpaceTrace::begin(const Message& message, const model::TraceContext& trace) {
  if (!span_) span_ = std::make_unique<Span>();
  auto& span = *span_;
  span.context = trace;
  span.context.span = tracer_->next_span_id();
  is_open_ = true;
  is_kept_ = !tracer_->is_full();
  if (!is_kept_) return tracer_->drop(1);
  if (!shared_source_) shared_source_ = std::make_shared<const SpanSource>(source_);
  span.parent = trace.span;
  span.began = tracer_->now();
  span.source = shared_source_;
  span.path = message.path;
  span.redelivered = message.redelivered;
  span.http = message.http;
  span.delivery = message.deliveries + 1u;
}

void SpaceTrace::finish(SpanEnd end, const std::string& why) {
  is_open_ = false;
  if (!is_kept_) return;
  span_->ended = tracer_->now();
  span_->end = end;
  span_->why = why;
  tracer_->finished(std::exchange(*span_, {}));
}

void SpaceTrace::stamp(Message& sent, const Message* in_hand) const {
  if (is_open_) [[unlikely]]
    return sent.set_trace(span_->context);
  if (in_hand != nullptr) {
    // Its sender decided. Where nothing is recorded here, the context is handed on as it came; but
    // that of a caller goes no further then: no frame has one where nobody traces.
    const bool goes_on = tracer_ != nullptr || !in_hand->is_from_outside();
    if (const auto* trace = in_hand->trace(); trace != nullptr && goes_on) sent.set_trace(*trace);
    return;
  }
  if (tracer_ == nullptr) return;
  if (const auto trace = tracer_->begin_trace()) sent.set_trace(*trace);
}

SpaceTrace::Annotated SpaceTrace::annotate(std::string_view key, std::string_view value) {
  if (!is_open_) return Annotated::not_traced;
  if (!is_kept_) return Annotated::taken;
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

std::string SpaceTrace::answer_trace(const Message& message) const {
  if (is_open_) return model::to_traceparent(span_->context);
  const auto* trace = message.trace();
  return trace == nullptr || trace->span == 0 ? "" : model::to_traceparent(*trace);
}

}  // namespace zrun
