// SPDX-License-Identifier: Apache-2.0
#pragma once

// Spans as OTLP has them in JSON: the body of POST /v1/traces. Pure.

#include <string>
#include <vector>

#include "stdx/bytes.h"
#include "zrun/tracer.h"

namespace zrun {

// Who exports.
struct SpanOrigin {
  std::string cluster_id, zhost, version;
};

// "topology/space path"; for what came along no path "(outside)", "(http)" or "(self)".
std::string span_name(const Span& span);
// `tracer` knows the wall clock of the spans.
stdx::Bytes otlp_json(const std::vector<Span>& spans, const SpanOrigin& origin,
                      const Tracer& tracer);

}  // namespace zrun
