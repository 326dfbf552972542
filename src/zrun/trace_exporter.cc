// SPDX-License-Identifier: Apache-2.0
#include "zrun/trace_exporter.h"

#include <algorithm>
#include <utility>

#include "stdx/text.h"

namespace zrun {
namespace {

// The endpoint may take it later: what OTLP says of these answers.
bool may_pass(const stdx::Result<ports::HttpResponse>& answer) {
  if (!answer) return true;
  const int status = answer->status;
  return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

TraceExporter::TraceExporter(ports::Runtime& runtime, ports::HttpClient& http, Tracer& tracer,
                             Endpoint endpoint, SpanOrigin origin)
    : runtime_(runtime),
      http_(http),
      tracer_(tracer),
      endpoint_(std::move(endpoint)),
      origin_(std::move(origin)),
      timer_(runtime.executor),
      exported_(runtime.metrics.counter("samoza_zrun_spans_exported_total",
                                        "Spans of traces that the OTLP endpoint took")) {
  tracer_.on_spans = [this] { spans_wait(); };
}

TraceExporter::~TraceExporter() {
  tracer_.on_spans = {};
}

void TraceExporter::spans_wait() {
  if (spans_ > 0) return;  // one is under way; `next` goes on
  const bool full = tracer_.waiting() >= batch_max;
  if (timer_.pending() && (!full || full_)) return;
  full_ = full;
  const auto now = runtime_.clock.now();
  const auto wait = full ? stdx::Duration::zero() : stdx::Duration(batch_delay);
  timer_.set(std::max(wait, earliest_ - now), [this] { send_batch(); });
}

void TraceExporter::send_batch() {
  full_ = false;
  const auto batch = tracer_.take(batch_max);
  if (batch.empty()) return;
  spans_ = batch.size();
  tries_ = 0;
  earliest_ = runtime_.clock.now() + batch_pause;
  body_ = otlp_json(batch, origin_, tracer_);
  post();
}

void TraceExporter::post() {
  ++tries_;
  ports::HttpRequest request;
  request.method = "POST";
  request.path = endpoint_.path;
  request.headers["content-type"] = "application/json";
  request.body = body_;
  http_.request(
      endpoint_.at, std::move(request), timeout,
      [this, alive = std::weak_ptr<bool>(alive_)](const stdx::Result<ports::HttpResponse>& answer) {
        if (!alive.expired()) answered(answer);
      });
}

void TraceExporter::answered(const stdx::Result<ports::HttpResponse>& answer) {
  if (answer && answer->status / 100 == 2) {
    exported_.add(spans_);
    return next();
  }
  const auto why = answer ? stdx::format("it answered {} {}", answer->status,
                                         stdx::printable(answer->body.substr(0, 200), 200))
                          : answer.error().message;
  const bool again = may_pass(answer) && tries_ < tries_max;
  note_trouble(why, !again);
  if (!again) {
    tracer_.drop(spans_);
    return next();
  }
  timer_.set(retry_min * (1 << (tries_ - 1)), [this] { post(); });
}

void TraceExporter::next() {
  spans_ = 0;
  body_ = {};
  if (tracer_.waiting() > 0) spans_wait();
}

void TraceExporter::note_trouble(const std::string& why, bool dropped) {
  const auto now = runtime_.clock.now();
  if (logged_ && now - *logged_ < log_interval) return;
  logged_ = now;
  runtime_.log.warn(
      "traces_not_exported",
      {{"endpoint", ports::to_string(endpoint_.at) + endpoint_.path},
       {"spans", spans_},
       {"dropped", dropped},
       {"why", why},
       {"next",
        "start the collector, or correct tracing.endpoint and restart the zhost; "
        "samoza_zrun_spans_dropped_total counts what is lost. This line comes at most "
        "once a minute"}});
}

}  // namespace zrun
