// SPDX-License-Identifier: Apache-2.0
#pragma once

// Sends the spans of a Tracer to an OTLP endpoint, batch by batch, one request at a time. A batch
// leaves batch_delay after its first span, or when it is full, and not sooner than batch_pause
// after the one before: so a zhost sends at most 5,120 spans a second, and the rest is dropped and
// counted by the Tracer. An endpoint that is away gets a batch tries_max times; then the batch is
// dropped.

#include <optional>
#include <string>

#include "ports/http.h"
#include "ports/runtime.h"
#include "zrun/otlp.h"
#include "zrun/tracer.h"

namespace zrun {

class TraceExporter {
 public:
  static constexpr std::size_t batch_max = 256;
  static constexpr stdx::Duration batch_delay = std::chrono::seconds(1);
  static constexpr stdx::Duration batch_pause = std::chrono::milliseconds(50);
  static constexpr stdx::Duration timeout = std::chrono::seconds(10);
  static constexpr stdx::Duration retry_min = std::chrono::seconds(1);
  static constexpr int tries_max = 4;
  static constexpr stdx::Duration log_interval = std::chrono::minutes(1);

  struct Endpoint {
    ports::Endpoint at;
    std::string path;
  };

  TraceExporter(ports::Runtime& runtime, ports::HttpClient& http, Tracer& tracer, Endpoint endpoint,
                SpanOrigin origin);
  ~TraceExporter();

 private:
  void spans_wait();
  void send_batch();
  void post();
  void answered(const stdx::Result<ports::HttpResponse>& answer);
  void next();
  void note_trouble(const std::string& why, bool dropped);

  ports::Runtime& runtime_;
  ports::HttpClient& http_;
  Tracer& tracer_;
  Endpoint endpoint_;
  SpanOrigin origin_;
  stdx::Bytes body_;  // of the batch under way
  std::size_t spans_ = 0;
  int tries_ = 0;
  stdx::Instant earliest_{};
  std::optional<stdx::Instant> logged_;
  ports::Timer timer_;
  bool full_ = false;
  ports::Counter& exported_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrun
