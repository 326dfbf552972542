// SPDX-License-Identifier: Apache-2.0
#include "ports/metrics.h"

#include <algorithm>

namespace ports {
namespace {

template <typename Table, typename Series>
Series& find_or_add(Table& table, std::string_view name, std::string_view help, Labels labels) {
  auto& family = table.families[std::string(name)];
  if (family.help.empty()) family.help = help;
  auto& series = family.series[std::move(labels)];
  if (!series) series = std::make_unique<Series>();
  return *series;
}

template <typename Series>
Metrics::Sample sample_of(const Labels& labels, const Series& series) {
  return {labels, static_cast<double>(series.value()), {}};
}

Metrics::Sample sample_of(const Labels& labels, const Histogram& series) {
  return {labels, std::chrono::duration<double>(series.sum()).count(), series.counts()};
}

template <typename Table>
void append(const Table& table, Metrics::Kind kind, std::vector<Metrics::Family>& out) {
  for (const auto& [name, entry] : table.families) {
    Metrics::Family family{name, entry.help, kind, {}};
    for (const auto& [labels, series] : entry.series)
      family.samples.push_back(sample_of(labels, *series));
    out.push_back(std::move(family));
  }
}

}  // namespace

void Histogram::observe(stdx::Duration d) {
  const auto at = std::lower_bound(bounds.begin(), bounds.end(), d) - bounds.begin();
  counts_[static_cast<std::size_t>(at)].fetch_add(1, std::memory_order_relaxed);
  sum_ns_.fetch_add(d.count(), std::memory_order_relaxed);
}

Histogram::Counts Histogram::counts() const {
  Counts out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = counts_[i].load(std::memory_order_relaxed);
  return out;
}

Counter& Metrics::counter(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return find_or_add<Table<Counter>, Counter>(counters_, name, help, std::move(labels));
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return find_or_add<Table<Gauge>, Gauge>(gauges_, name, help, std::move(labels));
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return find_or_add<Table<Histogram>, Histogram>(histograms_, name, help, std::move(labels));
}

std::vector<Metrics::Family> Metrics::collect() const {
  const std::lock_guard lock(mutex_);
  std::vector<Family> families;
  append(counters_, Kind::counter, families);
  append(gauges_, Kind::gauge, families);
  append(histograms_, Kind::histogram, families);
  std::sort(families.begin(), families.end(),
            [](const Family& a, const Family& b) { return a.name < b.name; });
  return families;
}

}  // namespace ports
