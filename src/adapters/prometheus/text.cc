// SPDX-License-Identifier: Apache-2.0
#include "adapters/prometheus/text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <limits>

namespace adapters::prometheus {
namespace {

using ::prometheus::ClientMetric;
using ::prometheus::MetricType;

MetricType type_of(ports::Metrics::Kind kind) {
  switch (kind) {
    case ports::Metrics::Kind::counter:
      return MetricType::Counter;
    case ports::Metrics::Kind::gauge:
      return MetricType::Gauge;
    case ports::Metrics::Kind::histogram:
      return MetricType::Histogram;
  }
  return MetricType::Untyped;
}

ClientMetric::Histogram histogram_of(const ports::Metrics::Sample& sample) {
  ClientMetric::Histogram out;
  out.sample_sum = sample.value;
  for (std::size_t i = 0; i < sample.counts.size(); ++i) {
    out.sample_count += sample.counts[i];
    const bool last = i == ports::Histogram::bounds.size();
    out.bucket.push_back(
        {.cumulative_count = out.sample_count,
         .upper_bound = last ? std::numeric_limits<double>::infinity()
                             : std::chrono::duration<double>(ports::Histogram::bounds[i]).count()});
  }
  return out;
}

}  // namespace

std::string to_text(const ports::Metrics& metrics, std::vector<ports::Metrics::Family> more) {
  std::vector<::prometheus::MetricFamily> families;
  auto all = metrics.collect();
  std::move(more.begin(), more.end(), std::back_inserter(all));
  for (const auto& family : all) {
    auto& out = families.emplace_back();
    out.name = family.name;
    out.help = family.help;
    out.type = type_of(family.kind);
    for (const auto& sample : family.samples) {
      auto& metric = out.metric.emplace_back();
      for (const auto& [name, value] : sample.labels) {
        auto& label = metric.label.emplace_back();
        label.name = name;
        label.value = value;
      }
      if (out.type == MetricType::Counter)
        metric.counter.value = sample.value;
      else if (out.type == MetricType::Gauge)
        metric.gauge.value = sample.value;
      else
        metric.histogram = histogram_of(sample);
    }
  }
  return ::prometheus::TextSerializer().Serialize(families);
}

}  // namespace adapters::prometheus
