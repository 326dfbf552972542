// SPDX-License-Identifier: Apache-2.0
#pragma once

// One process of the simulated cluster: its loop, clock, randomness, log and metrics. Killing it
// drops every task and timer it had, and its links break (simkit/network.h). A service object lives
// inside a Process and is destroyed with it.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "ports/runtime.h"
#include "simkit/world.h"

namespace simkit {

class Process;

// Receives every log line of every process, for checkers, stories and tests.
using LogSink =
    std::function<void(const Process&, ports::Level, std::string_view event, ports::Fields fields)>;

// Clock of one machine: monotonic time at its own rate, wall time with an offset that may jump.
struct MachineClock {
  double rate = 1.0;             // of monotonic time against true time
  stdx::Duration wall_offset{};  // added to the wall clock
};

class Process final : public ports::Clock,
                      public ports::Executor,
                      public ports::Random,
                      public ports::Log {
 public:
  Process(World& world, std::string zhost, std::string name, LogSink sink = {},
          const MachineClock* machine = nullptr);
  ~Process() override;

  ports::Runtime runtime() { return {*this, *this, *this, *this, metrics_}; }
  const std::string& zhost() const { return zhost_; }
  const std::string& name() const { return name_; }
  World& world() { return world_; }
  ports::Metrics& metrics() { return metrics_; }

  // While paused (SIGSTOP) nothing runs; what came due runs on resume, in order.
  void pause();
  void resume();
  bool paused() const { return paused_; }

  stdx::Instant now() const override;
  stdx::WallTime wall() const override;
  void post(ports::Task task, ports::CallSite from = ports::CallSite::current()) override;
  ports::TimerId after(stdx::Duration delay, ports::Task task,
                       ports::CallSite from = ports::CallSite::current()) override;
  void cancel(ports::TimerId id) override;
  std::uint64_t next() override;
  void write(ports::Level level, std::string_view event, ports::Fields fields) override;

  // Schedules `task` on this process's loop from outside it (the network does). `kind` is a
  // literal.
  void deliver(stdx::Duration delay, std::string_view kind, ports::Task task);
  // Tokens die with the process; the network holds weak ones.
  std::weak_ptr<int> alive() const { return alive_; }

 private:
  void run(std::uint64_t timer, std::string_view kind, ports::Task task);

  World& world_;
  std::string zhost_, name_;
  LogSink sink_;
  const MachineClock* machine_;
  ports::Metrics metrics_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  std::map<std::uint64_t, std::uint64_t> timers_;  // timer id -> world event
  std::uint64_t next_timer_ = 1;
  bool paused_ = false;
  std::deque<std::pair<std::uint64_t, ports::Task>> held_;
};

}  // namespace simkit
