// SPDX-License-Identifier: Apache-2.0
#include "adapters/loop/meter.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <numeric>

#include "adapters/loop/loop.h"
#include "stdx/text.h"

namespace adapters::loop {
namespace {

using namespace std::chrono_literals;

// Keeps what is written, and lets a test wait for it.
struct Lines final : ports::Log {
  struct Line {
    std::string event, task;
    std::int64_t ms = 0;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Line> lines;

  void write(ports::Level, std::string_view event, ports::Fields fields) override {
    Line line{std::string(event), {}};
    for (const auto& field : fields) {
      if (field.name == "task") line.task = std::get<std::string>(field.value);
      if (field.name == "ms") line.ms = std::get<std::int64_t>(field.value);
    }
    const std::lock_guard lock(mutex);
    lines.push_back(line);
    changed.notify_all();
  }
  bool wait_for(std::string_view event) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 60s, [&] {
      for (const auto& line : lines)
        if (line.event == event) return true;
      return false;
    });
  }
  Line last(std::string_view event) {
    const std::lock_guard lock(mutex);
    for (auto line = lines.rbegin(); line != lines.rend(); ++line)
      if (line->event == event) return *line;
    return {};
  }
  std::size_t count(std::string_view event) {
    const std::lock_guard lock(mutex);
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(), [&](const auto& l) { return l.event == event; }));
  }
};

std::uint64_t total(const ports::Histogram& histogram) {
  const auto counts = histogram.counts();
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

struct FakeClock final : ports::Clock {
  std::atomic<std::int64_t> ns{1'000'000'000};
  stdx::Instant now() const override { return stdx::Instant(stdx::Duration(ns.load())); }
  stdx::WallTime wall() const override { return {}; }
  void pass(stdx::Duration d) { ns += d.count(); }
};

TEST(MeterTest, ATaskThatHoldsTheLoopUpIsCountedAndNamedAtMostOnceASecond) {
  FakeClock clock;
  Lines log;
  ports::Metrics metrics;
  Meter meter(clock, log, metrics);
  const auto task = [&](stdx::Duration takes) {
    meter.begin(clock.now(), std::source_location::current());
    clock.pass(takes);
    meter.end();
  };
  task(19ms);
  EXPECT_EQ(log.count("loop_stall"), 0u);
  task(20ms);
  task(30ms);
  EXPECT_EQ(log.count("loop_stall"), 1u);
  EXPECT_EQ(log.last("loop_stall").ms, 20);
  EXPECT_NE(log.last("loop_stall").task.find("meter_test.cc"), std::string::npos)
      << log.last("loop_stall").task;
  clock.pass(1s);
  task(40ms);
  EXPECT_EQ(log.count("loop_stall"), 2u);
  EXPECT_EQ(metrics.counter("samoza_loop_stalls_total", "").value(), 3u);
  EXPECT_EQ(total(metrics.histogram("samoza_loop_task_seconds", "")), 4u);
}

TEST(MeterTest, WhileATaskNeverEndsItsNameIsSaid) {
  FakeClock clock;
  Lines log;
  ports::Metrics metrics;
  Meter meter(clock, log, metrics, {.look_every = 1ms});
  meter.begin(clock.now(), std::source_location::current());
  clock.pass(2s);
  ASSERT_TRUE(log.wait_for("loop_stuck"));
  EXPECT_NE(log.last("loop_stuck").task.find("meter_test.cc"), std::string::npos);
  EXPECT_EQ(log.last("loop_stuck").ms, 2000);
}

TEST(MeterTest, ALoopNamesTheTaskThatStallsItByWhereItWasPosted) {
  Loop loop;
  Lines log;
  ports::Metrics metrics;
  loop.measure(log, metrics);
  const auto spin = [&] {
    const auto end = loop.now() + 25ms;
    while (loop.now() < end) {
    }
  };
  loop.post([&] {
    spin();
    loop.stop();
  });
  const auto line = std::source_location::current().line() - 4;
  loop.run();
  EXPECT_NE(log.last("loop_stall").task.find(stdx::format("meter_test.cc:{}", line)),
            std::string::npos)
      << log.last("loop_stall").task;
  loop.restart();
  loop.after(1ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(total(metrics.histogram("samoza_loop_lag_seconds", "")), 1u);
}

TEST(MeterTest, ALoopThatWaitsRunsNoTask) {
  Loop loop;
  Lines log;
  ports::Metrics metrics;
  loop.measure(log, metrics);
  loop.after(500ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_LT(log.last("loop_stall").ms, 500) << "the wait was taken for a task";
  EXPECT_GE(total(metrics.histogram("samoza_loop_task_seconds", "")), 1u);
}

}  // namespace
}  // namespace adapters::loop
