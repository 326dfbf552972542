// SPDX-License-Identifier: Apache-2.0
// The Scheduler alone, on a loop and a clock of its own: a slice takes exactly the time that the
// space says it takes.
#include "zrun/scheduler.h"

#include <gtest/gtest.h>

#include <deque>

#include "simkit/world.h"

namespace zrun {
namespace {

using namespace std::chrono_literals;

// Time passes only in slices, and where the test says so. Tasks wait until the test runs them.
struct FakeLoop final : ports::Clock, ports::Executor, ports::Random, ports::Log {
  stdx::Instant time{};
  std::deque<ports::Task> posted;
  std::map<std::pair<stdx::Instant, std::uint64_t>, ports::Task> timers;
  std::uint64_t last_id = 0;
  ports::Metrics metrics;

  stdx::Instant now() const override { return time; }
  stdx::WallTime wall() const override { return {}; }
  void post(ports::Task task, ports::CallSite) override { posted.push_back(std::move(task)); }
  ports::TimerId after(stdx::Duration delay, ports::Task task, ports::CallSite) override {
    timers[{time + delay, ++last_id}] = std::move(task);
    return static_cast<ports::TimerId>(last_id);
  }
  void cancel(ports::TimerId id) override {
    std::erase_if(timers,
                  [&](const auto& t) { return t.first.second == static_cast<std::uint64_t>(id); });
  }
  std::uint64_t next() override { return 0; }
  void write(ports::Level, std::string_view, ports::Fields) override {}
  ports::Runtime runtime() { return {*this, *this, *this, *this, metrics}; }

  // What an event loop does: the timers that are due, then one posted task.
  bool turn() {
    while (!timers.empty() && timers.begin()->first.first <= time) {
      auto task = std::move(timers.extract(timers.begin()).mapped());
      task();
    }
    if (posted.empty()) return false;
    auto task = std::move(posted.front());
    posted.pop_front();
    task();
    return true;
  }
};

struct Fixture {
  FakeLoop loop;
  ports::Runtime runtime = loop.runtime();
  Scheduler scheduler{runtime};
  std::vector<std::string> ran;

  int times(const std::string& name) const {
    return static_cast<int>(std::count(ran.begin(), ran.end(), name));
  }
  stdx::Duration time_of_turn() {
    const auto began = loop.time;
    loop.turn();
    return loop.time - began;
  }
};

struct Guest final : Schedulable {
  Fixture& f;
  std::string name;
  stdx::Duration needs;  // more than it is given: its whole slice
  bool again;            // asks to run again after each slice
  stdx::Duration used{};
  stdx::Instant began{};  // its newest slice; the round may go on behind it
  std::function<void()> then;

  Guest(Fixture& fixture, std::string n, stdx::Duration time, bool runs_again = false,
        double weight = 1)
      : f(fixture), name(std::move(n)), needs(time), again(runs_again) {
    set_weight(weight);
    f.scheduler.make_runnable(*this);
  }
  ~Guest() override { f.scheduler.forget(*this); }
  void run_slice(stdx::Duration at_most) override {
    f.ran.push_back(name);
    began = f.loop.time;
    const auto time = std::min(needs, at_most);
    used += time;
    f.loop.time += time;
    // It may destroy this guest.
    const auto run = then;
    const bool runs_again = again;
    if (run) run();
    if (runs_again) f.scheduler.make_runnable(*this);
  }
};

TEST(SchedulerTest, ATimerThatFiresWhileARoundIsPostedAddsNoRound) {
  Fixture f;
  Guest hog(f, "hog", 10us, true);
  std::deque<Guest> nappers;
  for (int i = 0; i < 20; ++i) {
    auto& nap = nappers.emplace_back(f, "nap", 10us);
    nap.then = [&f, &nap] { f.scheduler.wake_at(nap, f.loop.time + 1ms); };
  }
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(f.loop.turn());
    ASSERT_LE(f.loop.posted.size(), 1u);
  }
  EXPECT_GT(f.times("nap"), 1000);
}

TEST(SchedulerTest, ARoundEndsWithinItsTimeHoweverManyGuestsCompute) {
  Fixture f;
  std::deque<Guest> spinners;
  for (int i = 0; i < 100; ++i) spinners.emplace_back(f, std::to_string(i), 1h, true);
  for (int i = 0; i < 1000; ++i) ASSERT_LE(f.time_of_turn(), 1ms);
  for (const auto& spinner : spinners) {
    EXPECT_GE(spinner.used, 9ms) << spinner.name;
    EXPECT_LE(spinner.used, 11ms) << spinner.name;
  }
}

TEST(SchedulerTest, WhatBecomesRunnableInARoundRunsInALaterOne) {
  Fixture f;
  Guest a(f, "a", 1us, true), b(f, "b", 1us, true);
  f.loop.turn();
  EXPECT_EQ(f.ran, (std::vector<std::string>{"a", "b"}));
  f.loop.turn();
  EXPECT_EQ(f.ran.size(), 4u);
}

TEST(SchedulerTest, AGuestThatWakesRunsAheadOfThoseThatUseUpTheirSlices) {
  Fixture f;
  std::deque<Guest> spinners;
  for (int i = 0; i < 100; ++i) spinners.emplace_back(f, "spin", 1h, true);
  Guest honest(f, "honest", 10us);
  while (f.times("honest") == 0) f.loop.turn();
  for (int i = 0; i < 50; ++i) {
    for (int j = 0; j < 7; ++j) f.loop.turn();
    const auto asked = f.loop.time;
    const auto before = f.times("honest");
    f.scheduler.make_runnable(honest);
    while (f.times("honest") == before) f.loop.turn();
    EXPECT_LE(f.loop.time - asked, 1ms) << "at most the round that was posted";
  }
}

TEST(SchedulerTest, AGuestThatIsWokenInARoundDoesNotWaitForThoseThatCompute) {
  Fixture f;
  std::deque<Guest> spinners;
  for (int i = 0; i < 100; ++i) spinners.emplace_back(f, "spin", 1h, true);
  Guest echo(f, "echo", 10us), ping(f, "ping", 10us);
  while (f.times("ping") == 0) f.loop.turn();
  ping.then = [&] { f.scheduler.make_runnable(echo); };
  for (int i = 0; i < 50; ++i) {
    const auto before = f.times("echo");
    f.scheduler.make_runnable(ping);
    while (f.times("echo") == before) f.loop.turn();
    EXPECT_LE(echo.began - ping.began, 20us);
    for (int j = 0; j < 5; ++j) f.loop.turn();
  }
}

TEST(SchedulerTest, ASliceEndsWhenTheNextTimerIsDue) {
  Fixture f;
  Guest spinner(f, "spin", 1h, true), sleeper(f, "sleeper", 10us);
  while (f.times("sleeper") == 0) f.loop.turn();
  for (int i = 0; i < 50; ++i) {
    const auto due = f.loop.time + 3400us;
    const auto before = f.times("sleeper");
    f.scheduler.wake_at(sleeper, due);
    while (f.times("sleeper") == before) f.loop.turn();
    EXPECT_LE(sleeper.began - due, 200us) << "the shortest slice";
  }
}

TEST(SchedulerTest, GuestsThatWakeAgainAndAgainDoNotStarveThoseThatCompute) {
  Fixture f;
  Guest spinner(f, "spin", 1h, true);
  std::deque<Guest> nappers;
  for (int i = 0; i < 9; ++i) {
    auto& nap = nappers.emplace_back(f, "nap", 900us);
    nap.then = [&f, &nap] { f.scheduler.wake_at(nap, f.loop.time + 10us); };
  }
  while (f.loop.time < stdx::Instant(1s)) f.loop.turn();
  EXPECT_GE(spinner.used, 90ms) << "a tenth of the time is its share";
}

TEST(SchedulerTest, TimeIsSharedByWeight) {
  Fixture f;
  Guest one(f, "one", 1h, true), three(f, "three", 1h, true, 3);
  while (f.loop.time < stdx::Instant(1s)) f.loop.turn();
  EXPECT_NEAR(static_cast<double>(three.used / 1us) / static_cast<double>(one.used / 1us), 3, 0.1);
}

TEST(SchedulerTest, TimersThatAreDueAreLookedAtInEachRound) {
  Fixture f;
  Guest hog(f, "hog", 1h, true), sleeper(f, "sleeper", 1us);
  while (f.times("sleeper") == 0) f.loop.turn();
  f.scheduler.wake_at(sleeper, f.loop.time + 3ms);
  const auto due = f.loop.time + 3ms;
  while (f.times("sleeper") == 1) f.loop.turn();
  EXPECT_LE(f.loop.time - due, 2ms) << "the round that ran, and its own";
}

TEST(SchedulerTest, AGuestThatIsForgottenInAQueueOrInItsSliceRunsNoMore) {
  Fixture f;
  auto gone = std::make_unique<Guest>(f, "gone", 1us);
  f.scheduler.wake_at(*gone, f.loop.time + 1ms);
  gone.reset();
  auto itself = std::make_unique<Guest>(f, "itself", 1us);
  auto killer = std::make_unique<Guest>(f, "killer", 1us);
  auto victim = std::make_unique<Guest>(f, "victim", 1us);
  itself->then = [&] { itself.reset(); };
  killer->then = [&] { victim.reset(); };
  while (f.loop.turn()) f.loop.time += 1ms;
  EXPECT_EQ(f.ran, (std::vector<std::string>{"itself", "killer"}));
}

TEST(SchedulerTest, ASchedulerWithoutRunnableGuestsHasNothingToDo) {
  Fixture f;
  Guest once(f, "once", 1us);
  f.scheduler.wake_at(once, f.loop.time + 1h);
  f.loop.turn();
  EXPECT_FALSE(f.loop.turn());
  EXPECT_EQ(f.loop.timers.size(), 1u);
  EXPECT_EQ(f.loop.metrics.counter("samoza_zrun_slices_total", "").value(), 1u);
}

}  // namespace
}  // namespace zrun
