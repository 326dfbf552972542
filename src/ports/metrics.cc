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

template <typename Table>
void append(const Table& table, bool is_counter, std::vector<Metrics::Family>& out) {
  for (const auto& [name, entry] : table.families) {
    Metrics::Family family{name, entry.help, is_counter, {}};
    for (const auto& [labels, series] : entry.series)
      family.samples.push_back({labels, static_cast<double>(series->value())});
    out.push_back(std::move(family));
  }
}

}  // namespace

Counter& Metrics::counter(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return find_or_add<Table<Counter>, Counter>(counters_, name, help, std::move(labels));
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return find_or_add<Table<Gauge>, Gauge>(gauges_, name, help, std::move(labels));
}

std::vector<Metrics::Family> Metrics::collect() const {
  const std::lock_guard lock(mutex_);
  std::vector<Family> families;
  append(counters_, true, families);
  append(gauges_, false, families);
  std::sort(families.begin(), families.end(),
            [](const Family& a, const Family& b) { return a.name < b.name; });
  return families;
}

}  // namespace ports
