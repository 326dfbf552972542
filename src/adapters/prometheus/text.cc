// SPDX-License-Identifier: Apache-2.0
#include "adapters/prometheus/text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace adapters::prometheus {

std::string to_text(const ports::Metrics& metrics) {
  std::vector<::prometheus::MetricFamily> families;
  for (const auto& family : metrics.collect()) {
    auto& out = families.emplace_back();
    out.name = family.name;
    out.help = family.help;
    out.type =
        family.is_counter ? ::prometheus::MetricType::Counter : ::prometheus::MetricType::Gauge;
    for (const auto& sample : family.samples) {
      auto& metric = out.metric.emplace_back();
      for (const auto& [name, value] : sample.labels) {
        auto& label = metric.label.emplace_back();
        label.name = name;
        label.value = value;
      }
      if (family.is_counter)
        metric.counter.value = sample.value;
      else
        metric.gauge.value = sample.value;
    }
  }
  return ::prometheus::TextSerializer().Serialize(families);
}

}  // namespace adapters::prometheus
