// SPDX-License-Identifier: Apache-2.0
#pragma once

// Counters, gauges and histograms of one service, shown at /metrics in the Prometheus text format.
// A series is looked up once, at construction, and kept by reference; adding to it is one relaxed
// atomic.

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "stdx/time.h"

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

// Durations in buckets from 100 us to 10 s. Observing is two relaxed atomic additions.
class Histogram {
 public:
  static constexpr std::array<stdx::Duration, 16> bounds = {
      std::chrono::microseconds(100), std::chrono::microseconds(250),
      std::chrono::microseconds(500), std::chrono::milliseconds(1),
      std::chrono::milliseconds(2),   std::chrono::milliseconds(5),
      std::chrono::milliseconds(10),  std::chrono::milliseconds(20),
      std::chrono::milliseconds(50),  std::chrono::milliseconds(100),
      std::chrono::milliseconds(250), std::chrono::milliseconds(500),
      std::chrono::seconds(1),        std::chrono::milliseconds(2500),
      std::chrono::seconds(5),        std::chrono::seconds(10)};
  using Counts = std::array<std::uint64_t, bounds.size() + 1>;

  void observe(stdx::Duration d);
  // By bucket, not cumulative; the last one is past every bound.
  Counts counts() const;
  stdx::Duration sum() const { return stdx::Duration(sum_ns_.load(std::memory_order_relaxed)); }

 private:
  std::array<std::atomic<std::uint64_t>, bounds.size() + 1> counts_{};
  std::atomic<std::int64_t> sum_ns_{0};
};

using Labels = std::vector<std::pair<std::string, std::string>>;

// The registry. Names follow Prometheus: samoza_<service>_<what>[_total]. Thread-safe. References
// stay valid as long as the registry.
class Metrics {
 public:
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});

  Histogram& histogram(std::string_view name, std::string_view help, Labels labels = {});

  enum class Kind { counter, gauge, histogram };
  struct Sample {
    Labels labels;
    double value;                // of a histogram: the sum in seconds
    Histogram::Counts counts{};  // of a histogram
  };
  struct Family {
    std::string name, help;
    Kind kind;
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
  Table<Histogram> histograms_;
};

}  // namespace ports
