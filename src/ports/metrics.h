// SPDX-License-Identifier: Apache-2.0
#pragma once

// Counters and gauges of one service, shown at /metrics in the Prometheus text format. A series is
// looked up once, at construction, and kept by reference; adding to it is one relaxed atomic.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ports {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t n) { value_.store(n, std::memory_order_relaxed); }
  void add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

using Labels = std::vector<std::pair<std::string, std::string>>;

// The registry. Names follow Prometheus: samoza_<service>_<what>[_total]. Thread-safe. References
// stay valid as long as the registry.
class Metrics {
 public:
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});

  struct Sample {
    Labels labels;
    double value;
  };
  struct Family {
    std::string name, help;
    bool is_counter;
    std::vector<Sample> samples;
  };
  // Every series, sorted by name, for the serializer.
  std::vector<Family> collect() const;

 private:
  template <typename Series>
  struct Table {
    struct Entry {
      std::string help;
      std::map<Labels, std::unique_ptr<Series>> series;
    };
    std::map<std::string, Entry, std::less<>> families;
  };
  mutable std::mutex mutex_;  // only registration and collection take it
  Table<Counter> counters_;
  Table<Gauge> gauges_;
};

}  // namespace ports
